/** SHL, SHR, SAR, SHLD, SHRD (SDM vol. 2). A masked count of zero leaves all flags alone. */
import { no, type Value } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';
import type { Operand } from '../operand.ts';

/** The six encodings of a shift or rotate by 1, imm8 and CL. */
export const shiftBlock = (...extensions: number[]): Encoding[] =>
  extensions.flatMap((extension): Encoding[] => [
    [`c0 /${extension}`, 'Eb', 'Ib'],
    [`c1 /${extension}`, 'Ev', 'Ib'],
    [`d0 /${extension}`, 'Eb', '1'],
    [`d1 /${extension}`, 'Ev', '1'],
    [`d2 /${extension}`, 'Eb', 'CL'],
    [`d3 /${extension}`, 'Ev', 'CL'],
  ]);

/** The count, masked to five bits (six for 64-bit operands), in a carrier in which it can shift: at least 32 bits. */
export const maskedCount = (target: Operand, count: Operand): Value => {
  const wide = target.width === 64 ? 64 : 32;
  return count
    .read()
    .resize(wide)
    .and(wide - 1);
};

interface Shifted {
  readonly after: Value;
  readonly cf: Value;
  readonly of: Value;
}

const shift = (
  name: string,
  extensions: readonly number[],
  compute: (before: Value, count: Value) => Shifted,
): Instruction =>
  instruction(name, {
    encodings: shiftBlock(...extensions),
    semantics(cpu, target, source) {
      const count = maskedCount(target!, source!);
      const { before, after } = target!.update(value => compute(value, count).after);
      const { cf, of } = compute(before, count);
      cpu.setFlags({ result: after, cf, of, af: no }, count.ne(0));
    },
  });

/** The bit before the last one that was shifted out, `count` being 1 or more. */
const lastOut = (value: Value, count: Value): Value => value.shr(count.sub(1).and(value.width - 1)).truncate(1);

export const SHL = shift('shl', [4, 6], (before, count) => {
  const { width } = before;
  const wide = before.zeroExtend(count.width).shl(count);
  const after = wide.truncate(width);
  const cf = width < 32 ? wide.bit(width) : before.shr(count.neg().and(width - 1)).truncate(1);
  return { after, cf, of: after.sign.xor(cf) };
});

export const SHR = shift('shr', [5], (before, count) => {
  const wide = before.zeroExtend(count.width);
  return { after: wide.shr(count).truncate(before.width), cf: lastOut(wide, count), of: before.sign };
});

export const SAR = shift('sar', [7], (before, count) => {
  const wide = before.signExtend(count.width);
  const out = wide.sar(count.sub(1).and(count.width - 1)).truncate(1);
  return { after: wide.sar(count).truncate(before.width), cf: out, of: no };
});

/**
 * 16-bit operands are shifted by up to 31, which is undefined above 16: processors go on with the destination's bits again.
 */
const double = (
  name: string,
  opcodes: readonly [string, string],
  compute: (before: Value, filler: Value, count: Value) => Omit<Shifted, 'of'>,
): Instruction =>
  instruction(name, {
    encodings: [
      [opcodes[0], 'Ev', 'Gv', 'Ib'],
      [opcodes[1], 'Ev', 'Gv', 'CL'],
    ],
    semantics(cpu, target, source, amount) {
      const count = maskedCount(target!, amount!);
      const filler = source!.read();
      const { before, after } = target!.update(value => compute(value, filler, count).after);
      const { cf } = compute(before, filler, count);
      cpu.setFlags({ result: after, cf, of: before.xor(after).sign, af: no }, count.ne(0));
    },
  });

export const SHLD = double('shld', ['0f a4', '0f a5'], (before, filler, count) => {
  const { width } = before;
  if (width === 16) {
    const value = before.zeroExtend(64);
    const wide = value.shl(32).or(filler.zeroExtend(64).shl(16)).or(value).shl(count.zeroExtend(64));
    return { after: wide.shr(32).truncate(16), cf: wide.bit(48) };
  }
  const rest = count.neg().and(width - 1);
  const joined = before.shl(count).or(filler.shr(rest));
  return { after: count.eq(0).select(before, joined), cf: before.shr(rest).truncate(1) };
});

export const SHRD = double('shrd', ['0f ac', '0f ad'], (before, filler, count) => {
  const { width } = before;
  if (width === 16) {
    const value = before.zeroExtend(64);
    const wide = value.shl(32).or(filler.zeroExtend(64).shl(16)).or(value);
    return { after: wide.shr(count.zeroExtend(64)).truncate(16), cf: lastOut(wide, count.zeroExtend(64)) };
  }
  const rest = count.neg().and(width - 1);
  const joined = before.shr(count).or(filler.shl(rest));
  return { after: count.eq(0).select(before, joined), cf: lastOut(before, count) };
});
