/** ROL, ROR, RCL, RCR (SDM vol. 2). They change CF and OF alone, and not even these where the masked count is zero. */
import { constant, type Value } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Tracer } from '../tracer.ts';
import { maskedCount, shiftBlock } from './shift.ts';

interface Rotated {
  readonly after: Value;
  readonly cf: Value;
}

type Rotation = (before: Value, count: Value, carry: Value) => Rotated;

const rotate = (name: string, extension: number, compute: Rotation, of: (rotated: Rotated) => Value): Instruction =>
  instruction(name, {
    encodings: shiftBlock(extension),
    semantics(cpu: Tracer, target, source) {
      const count = maskedCount(target!, source!);
      const carry = cpu.flag('cf');
      const { before } = target!.update(value => compute(value, count, carry).after);
      const rotated = compute(before, count, carry);
      cpu.setFlags({ cf: rotated.cf, of: of(rotated) }, count.ne(0));
    },
  });

const signXorCarry = ({ after, cf }: Rotated): Value => after.sign.xor(cf);
const signXorNext = ({ after }: Rotated): Value => after.sign.xor(after.bit(after.width - 2));

const within = (before: Value, count: Value): Value => count.resize(before.width).and(before.width - 1);

export const ROL = rotate(
  'rol',
  0,
  (before, count) => {
    const after = before.rotl(within(before, count));
    return { after, cf: after.truncate(1) };
  },
  signXorCarry,
);

export const ROR = rotate(
  'ror',
  1,
  (before, count) => {
    const after = before.rotr(within(before, count));
    return { after, cf: after.sign };
  },
  signXorNext,
);

/** Through carry the rotation is one of width + 1 bits. */
const throughCarry = (width: number, count: Value): Value =>
  (width < 32 ? count.remU(constant(count.width, width + 1)) : count).zeroExtend(64);

export const RCL = rotate(
  'rcl',
  2,
  (before, masked, carry) => {
    const { width } = before;
    const count = throughCarry(width, masked);
    const value = before.zeroExtend(64);
    const carried = carry.zeroExtend(64).shl(count).shr(1);
    const left = value.shl(count);
    if (width < 64) {
      const right = value.shr(constant(64, width + 1).sub(count));
      const cf = count.eq(0).select(carry, left.bit(width));
      return { after: left.or(right).or(carried).truncate(width), cf };
    }
    const rest = count.neg().and(63);
    const joined = left.or(value.shr(1).shr(rest)).or(carried);
    return { after: count.eq(0).select(value, joined), cf: value.shr(rest).truncate(1) };
  },
  signXorCarry,
);

export const RCR = rotate(
  'rcr',
  3,
  (before, masked, carry) => {
    const { width } = before;
    const count = throughCarry(width, masked);
    const value = before.zeroExtend(64);
    const right = value.shr(count);
    const out = count.eq(0).select(carry, value.shr(count.sub(1).and(63)).truncate(1));
    if (width < 64) {
      const left = value.shl(constant(64, width + 1).sub(count));
      const carried = carry.zeroExtend(64).shl(constant(64, width).sub(count));
      return { after: left.or(right).or(carried).truncate(width), cf: out };
    }
    const rest = count.neg().and(63);
    const joined = right.or(value.shl(1).shl(rest)).or(carry.zeroExtend(64).shl(rest));
    return { after: count.eq(0).select(value, joined), cf: out };
  },
  signXorNext,
);
