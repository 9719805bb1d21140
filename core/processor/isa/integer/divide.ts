/** DIV and IDIV (SDM vol. 2). All flags are undefined and left alone. 128-bit dividends that need more than 64 bits go to a helper. */
import { constant, type Value, type Width } from '../../ir/value.ts';
import { instruction } from '../instruction.ts';
import type { Operand } from '../operand.ts';
import type { Tracer } from '../tracer.ts';

const divideError = 0;

/** The dividend of a divisor of 8, 16 or 32 bits: AX, DX:AX, EDX:EAX, in a carrier of 32 or 64 bits. */
const dividend = (cpu: Tracer, width: Width): Value => {
  if (width === 8) return cpu.register(0, 16).read().zeroExtend(32);
  const carrier = width === 32 ? 64 : 32;
  const high = cpu.register(2, width).read().zeroExtend(carrier);
  return high.shl(width).or(cpu.register(0, width).read().zeroExtend(carrier));
};

const writeResults = (cpu: Tracer, width: Width, quotient: Value, remainder: Value): void => {
  if (width === 8) {
    cpu.register(0, 16).write(quotient.truncate(8).zeroExtend(16).or(remainder.truncate(8).zeroExtend(16).shl(8)));
  } else {
    cpu.register(0, width).write(quotient.truncate(width));
    cpu.register(2, width).write(remainder.truncate(width));
  }
};

const divideUnsigned = (cpu: Tracer, source: Operand): void => {
  const { width } = source;
  const divisor = source.read();
  cpu.raise(divideError, divisor.eq(0));
  if (width === 64) {
    const [low, high] = [cpu.register(0, 64).read(), cpu.register(2, 64).read()];
    const long = high.ne(0);
    cpu.callIf(long, 'divideUnsigned', low, high, divisor);
    cpu.finish(long);
    writeResults(cpu, width, low.divU(divisor), low.remU(divisor));
    return;
  }
  const left = dividend(cpu, width);
  const right = divisor.zeroExtend(left.width);
  const quotient = left.divU(right);
  cpu.raise(divideError, quotient.shr(width).ne(0));
  writeResults(cpu, width, quotient, left.remU(right));
};

const divideSigned = (cpu: Tracer, source: Operand): void => {
  const { width } = source;
  const divisor = source.read();
  cpu.raise(divideError, divisor.eq(0));
  if (width === 64) {
    const [low, high] = [cpu.register(0, 64).read(), cpu.register(2, 64).read()];
    const long = high.ne(low.sar(63));
    cpu.callIf(long, 'divideSigned', low, high, divisor);
    cpu.finish(long);
    cpu.raise(divideError, overflows(low, divisor));
    writeResults(cpu, width, low.divS(divisor), low.remS(divisor));
    return;
  }
  const unextended = dividend(cpu, width);
  const left = width === 8 ? unextended.truncate(16).signExtend(32) : unextended;
  const right = divisor.signExtend(left.width);
  if (width !== 8) cpu.raise(divideError, overflows(left, right));
  const quotient = left.divS(right);
  cpu.raise(divideError, quotient.ne(quotient.truncate(width).signExtend(left.width)));
  writeResults(cpu, width, quotient, left.remS(right));
};

/** The most negative number over -1. */
const overflows = (left: Value, right: Value): Value =>
  left.eq(constant(left.width, 1n << BigInt(left.width - 1))).and(right.eq(-1));

export const DIV = instruction('div', {
  encodings: [
    ['f6 /6', 'Eb'],
    ['f7 /6', 'Ev'],
  ],
  semantics: (cpu, source) => divideUnsigned(cpu, source!),
});

export const IDIV = instruction('idiv', {
  encodings: [
    ['f6 /7', 'Eb'],
    ['f7 /7', 'Ev'],
  ],
  semantics: (cpu, source) => divideSigned(cpu, source!),
});
