/** 128 by 64 bits: the rare DIV and IDIV whose dividend does not fit 64 bits, long division a bit at a time over four words. */

import { Status } from '../../state/leave.ts';
import { Gpr, Vector } from '../../state/registers.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';

/** Words of the dividend (low first), turned into quotient (0, 1) and remainder (2, 3). */
const words = (cpu: CpuCore): Uint32Array => {
  const { state } = cpu;
  return Uint32Array.of(state.argument(0), state.argumentHigh(0), state.argument(1), state.argumentHigh(1));
};

const negate = (value: Uint32Array, from: number, to: number): void => {
  let carry = 1;
  for (let n = from; n < to; n++) {
    const sum = (~value[n] >>> 0) + carry;
    value[n] = sum;
    carry = sum > 0xffff_ffff ? 1 : 0;
  }
};

/** Unsigned; false if the quotient does not fit 64 bits. */
function divide(value: Uint32Array, low: number, high: number): boolean {
  if (value[3] > high || (value[3] === high && value[2] >= low)) return false;
  for (let bit = 0; bit < 64; bit++) {
    const carry = value[3] >>> 31;
    value[3] = (value[3] << 1) | (value[2] >>> 31);
    value[2] = (value[2] << 1) | (value[1] >>> 31);
    value[1] = (value[1] << 1) | (value[0] >>> 31);
    value[0] <<= 1;
    if (carry === 0 && (value[3] < high || (value[3] === high && value[2] < low))) continue;
    const borrow = value[2] < low ? 1 : 0;
    value[2] -= low;
    value[3] -= high + borrow;
    value[0] |= 1;
  }
  return true;
}

function store(cpu: CpuCore, value: Uint32Array): Status {
  cpu.state.setGpr(Gpr.rax, 64, value[0], value[1]);
  cpu.state.setGpr(Gpr.rdx, 64, value[2], value[3]);
  return Status.done;
}

export const divideUnsigned: HelperImplementation = cpu => {
  const { state } = cpu;
  const value = words(cpu);
  if (!divide(value, state.argument(2) >>> 0, state.argumentHigh(2) >>> 0)) cpu.raise(Vector.de);
  return store(cpu, value);
};

export const divideSigned: HelperImplementation = cpu => {
  const { state } = cpu;
  const value = words(cpu);
  const divisor = Uint32Array.of(state.argument(2), state.argumentHigh(2));
  const negative = (value[3] | 0) < 0;
  const opposite = negative !== (divisor[1] | 0) < 0;
  if (negative) negate(value, 0, 4);
  if ((divisor[1] | 0) < 0) negate(divisor, 0, 2);
  if (!divide(value, divisor[0], divisor[1])) cpu.raise(Vector.de);
  const limitReached = value[1] >>> 31 !== 0;
  const isMinimum = value[1] === 0x8000_0000 && value[0] === 0;
  if (limitReached && !(opposite && isMinimum)) cpu.raise(Vector.de);
  if (opposite) negate(value, 0, 2);
  if (negative) negate(value, 2, 4);
  return store(cpu, value);
};
