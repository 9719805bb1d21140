/**
 * REP, REPE, REPNE (SDM vol. 2): one iteration is one run of the instruction, which asks to run again. Each iteration is
 * complete in itself, so that faults and interrupts find registers as the manual says.
 */
import { constant, type Value, type Width, yes } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';
import type { Operand, Tracer } from '../trace.ts';

/** rSI and rDI of this address size. */
export const pointer = (cpu: Tracer, index: 6 | 7): { register: Operand; before: Value; offset: Value } => {
  const register = cpu.register(index, cpu.addressWidth);
  const before = register.read();
  return { register, before, offset: before.zeroExtend(64) };
};

/** Bytes to move on: forwards or, with DF, backwards. */
export const step = (cpu: Tracer, width: Width): Value => {
  const bytes = width / 8;
  const backwards = cpu.state('flagSystem').read().bit(10);
  return backwards.select(constant(cpu.addressWidth, -bytes), constant(cpu.addressWidth, bytes));
};

/**
 * Runs `iteration` under the form's repeat prefix. It reads and writes memory at once and returns what writes registers; the result of
 * that, if any, is ZF, which REPE and REPNE look at.
 */
export function repeated(cpu: Tracer, iteration: () => () => Value | undefined): void {
  const { repeat } = cpu.form;
  if (repeat === 'none') {
    iteration()();
    return;
  }
  const counter = cpu.register(1, cpu.addressWidth);
  const count = counter.read();
  cpu.finish(count.eq(0));
  const commit = iteration();
  counter.write(count.sub(1));
  const equal = commit();
  const more = count.ne(1);
  const keeps = equal && (repeat === 'repe' ? equal : equal.xor(yes));
  cpu.again(keeps ? more.and(keeps) : more);
}

/** The byte form at an even opcode, and the word to quadword form after it. */
export const stringInstructions = (
  name: string,
  opcode: number,
  repeats: 'rep' | 'repe',
  semantics: (cpu: Tracer, width: Width) => void,
): readonly Instruction[] => {
  const encoding = (byte: number): Encoding[] => [[byte.toString(16)]];
  const byte = instruction(`${name}b`, {
    encodings: encoding(opcode),
    repeats,
    varies: ['address', 'repeat', 'code'],
    semantics: cpu => semantics(cpu, 8),
  });
  const wide = instruction(name, {
    encodings: encoding(opcode + 1),
    repeats,
    varies: ['operand', 'address', 'repeat', 'code'],
    mnemonics: { 16: `${name}w`, 32: `${name}d`, 64: `${name}q` },
    semantics: cpu => semantics(cpu, cpu.operandWidth),
  });
  return [byte, wide];
};
