/** Shifts and rotates: by one, by an immediate, by CL; and the double shifts. */
import { flagBits } from '../machine.ts';
import type { FlagUse, Size, Snippet, Template } from '../snippet.ts';
import { all } from './flags.ts';

const { cf, af, of } = flagBits;

/** The count in CL if this case decides it; undefined if an earlier instruction may have changed it. */
const countRegister = (s: Snippet, limit: number): number | undefined => {
  const count = s.random.chance(0.7) ? s.random.below(limit + 2) : s.random.below(256);
  const before = s.before.gpr[1];
  try {
    s.claim(1, 8, BigInt(count));
    return count;
  } catch {
    s.claim(1, 8);
    return before === s.before.gpr[1] && s.lines.length === 0 ? Number(before! & 0xffn) : undefined;
  }
};

const rotates = ['rol', 'ror', 'rcl', 'rcr'];

export const effect = (name: string, size: Size, count: number | undefined): FlagUse => {
  const rotate = rotates.includes(name);
  const through = name === 'rcl' || name === 'rcr' ? cf : 0;
  const written = rotate ? cf | of : all;
  if (count === undefined) return { reads: through, undefined: rotate ? of : all & (af | of | cf), writes: 0 };
  const masked = count & (size === 64 ? 63 : 31);
  if (masked === 0) return { reads: 0, undefined: 0, writes: 0 };
  let lost = masked === 1 ? 0 : of;
  if (!rotate) lost |= af;
  if ((name === 'shl' || name === 'shr') && masked >= size) lost |= cf;
  return { reads: through, undefined: lost, writes: written };
};

const shift = (name: string): Template => ({
  name,
  share: 3,
  make(s) {
    const size = s.size(8, 16, 32, 64);
    const form = s.random.below(5);
    if (form === 0) return s.emit(`${name} ${s.operand(size, 'write').text}, 1`, effect(name, size, 1));
    if (form < 3) {
      const count = s.random.chance(0.8) ? s.random.below(size + 2) : s.random.below(256);
      return s.emit(`${name} ${s.operand(size, 'write').text}, ${count}`, effect(name, size, count));
    }
    const count = countRegister(s, size);
    const target = s.operand(size, 'write').text;
    // CL may be the target too, or its own count with something above it: the count itself is known all the same.
    s.emit(`${name} ${target}, cl`, effect(name, size, count));
  },
});

const doubleShift = (name: string): Template => ({
  name,
  share: 3,
  make(s) {
    const size = s.size(16, 32, 64);
    const source = s.register(size, 'read');
    // Sixteen-bit operands leave their result undefined above a count of 16.
    const count =
      size === 16 ? s.random.below(17) : s.random.chance(0.8) ? s.random.below(size + 2) : s.random.below(256);
    const masked = count & (size === 64 ? 63 : 31);
    if (size === 16 && masked > 16) return;
    const use: FlagUse =
      masked === 0 ? {} : { writes: all, undefined: af | (masked === 1 ? 0 : of) | (masked >= size ? cf : 0) };
    if (s.random.chance(0.5)) {
      s.claim(1, 8, BigInt(count));
      return s.emit(`${name} ${s.operand(size, 'write').text}, ${source}, cl`, use);
    }
    s.emit(`${name} ${s.operand(size, 'write').text}, ${source}, ${count}`, use);
  },
});

export const templates: Template[] = [
  ...['shl', 'shr', 'sar', ...rotates].map(shift),
  ...['shld', 'shrd'].map(doubleShift),
];
