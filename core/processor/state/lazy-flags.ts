/**
 * The lazy form of the arithmetic flags in the state block (`flagResult`, `flagBits`; layout.ts). CF, AF and OF are bits. ZF, SF and PF follow from a
 * result of 64 bits, unless a bit says that SF or PF is the other way round. All bits are where RFLAGS has them.
 */
import { bitOf, Flag } from './registers.ts';

/** Where RFLAGS, and so `flagBits`, has each flag. */
export const flagPosition = {
  cf: bitOf(Flag.cf),
  pf: bitOf(Flag.pf),
  af: bitOf(Flag.af),
  zf: bitOf(Flag.zf),
  sf: bitOf(Flag.sf),
  of: bitOf(Flag.of),
} as const;

/** The flags that are bits of their own. */
export const storedFlags = ['cf', 'af', 'of'] as const;

/** The bits that turn SF and PF round: clear where the result gives them. */
export const flagFlips = Flag.sf | Flag.pf;

/** 1 where the byte has an even number of ones, as PF does. */
export const evenParity = (byte: number): number => {
  const folded = (byte ^ (byte >> 4)) & 0xf;
  return (0x9669 >> folded) & 1;
};
