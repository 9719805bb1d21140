/** BSWAP, MOVBE (SDM vol. 2). */
import { constant, type Value } from '../../ir/value.ts';
import { instruction } from '../instruction.ts';

/** Reverses the bytes of 16, 32 or 64 bits: swaps neighbouring bytes, then neighbouring pairs, then halves. */
const reverseBytes = (value: Value): Value => {
  const { width } = value;
  if (width === 16) return value.rotl(8);
  const mask = constant(width, width === 32 ? 0x00ff_00ff : 0x00ff_00ff_00ff_00ffn);
  const bytes = value.shr(8).and(mask).or(value.and(mask).shl(8));
  if (width === 32) return bytes.rotl(16);
  const pairs = constant(64, 0x0000_ffff_0000_ffffn);
  return bytes.shr(16).and(pairs).or(bytes.and(pairs).shl(16)).rotl(32);
};

/** With 16-bit operands the result is undefined; processors give 0. */
export const BSWAP = instruction('bswap', {
  encodings: [['0f c8+r', 'Zv']],
  semantics(_cpu, target) {
    target!.write(target!.width === 16 ? constant(16, 0) : reverseBytes(target!.read()));
  },
});

export const MOVBE = instruction('movbe', {
  encodings: [
    ['nr 0f 38 f0', 'Gv', 'Mv'],
    ['nr 0f 38 f1', 'Mv', 'Gv'],
  ],
  feature: 'movbe',
  semantics(_cpu, target, source) {
    target!.write(reverseBytes(source!.read()));
  },
});
