/**
 * REP, REPE, REPNE (SDM vol. 2): one iteration is one run of the instruction, which asks to run again. Each iteration is
 * complete in itself, so that faults and interrupts find registers as the manual says.
 */

import type { FlagUpdate } from '../../ir/effect.ts';
import { constant, type Value, type Width, yes } from '../../ir/value.ts';
import { bitOf, Flag } from '../../state/registers.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';
import type { Operand } from '../operand.ts';
import type { Tracer } from '../tracer.ts';

/** rSI and rDI of this address size. */
export const pointer = (cpu: Tracer, index: 6 | 7): { register: Operand; before: Value; offset: Value } => {
  const register = cpu.register(index, cpu.addressWidth);
  const before = register.read();
  return { register, before, offset: before.zeroExtend(64) };
};

/** Bytes to move on: forwards or, with DF, backwards. */
export const step = (cpu: Tracer, width: Width): Value => {
  const bytes = width / 8;
  const backwards = cpu.state('flagSystem').read().bit(bitOf(Flag.df));
  return backwards.select(constant(cpu.addressWidth, -bytes), constant(cpu.addressWidth, bytes));
};

/** What is left of an iteration once memory has been read and written. */
interface Iteration {
  advance(): void;
  readonly comparison?: Comparison;
}

/** ZF, which REPE and REPNE look at, and all flags. */
export interface Comparison {
  readonly equal: Value;
  readonly flags: FlagUpdate;
}

/** Intel's processors clear the upper halves of 32-bit counters and pointers even where nothing is done, and set flags only when all is done. */
const vendorDependent: Instruction['vendorDependent'] = ({ instruction, repeat, addressWidth, code64 }) =>
  repeat !== 'none' && (instruction.repeats === 'repe' || (addressWidth === 32 && code64));

/** Runs `iteration` under the form's repeat prefix. `pointers`: what REP with a count of zero counts as used, with the counter. */
export function repeated(cpu: Tracer, pointers: readonly (6 | 7)[], iteration: () => Iteration): void {
  const { repeat, vendor } = cpu.form;
  if (repeat === 'none') {
    const { advance, comparison } = iteration();
    advance();
    if (comparison) cpu.setFlags(comparison.flags);
    return;
  }
  const counter = cpu.register(1, cpu.addressWidth);
  const count = counter.read();
  if (vendor === 'intel') clearUpperHalves(cpu, pointers);
  cpu.finish(count.eq(0));
  const { advance, comparison } = iteration();
  counter.write(count.sub(1));
  advance();
  const left = count.ne(1);
  const more = comparison ? left.and(repeat === 'repe' ? comparison.equal : comparison.equal.xor(yes)) : left;
  if (comparison) cpu.setFlags(comparison.flags, vendor === 'intel' ? more.xor(yes) : undefined);
  cpu.again(more);
}

/** Before anything else, so that a fault comes after it. */
function clearUpperHalves(cpu: Tracer, pointers: readonly (6 | 7)[]): void {
  if (cpu.addressWidth !== 32 || !cpu.is64) return;
  const registers = [1, ...pointers].map(index => cpu.register(index, 32));
  const values = registers.map(register => register.read());
  for (const [n, register] of registers.entries()) register.write(values[n]);
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
    vendorDependent,
    varies: ['address', 'repeat', 'code'],
    semantics: cpu => semantics(cpu, 8),
  });
  const wide = instruction(name, {
    encodings: encoding(opcode + 1),
    repeats,
    vendorDependent,
    varies: ['operand', 'address', 'repeat', 'code'],
    mnemonics: { 16: `${name}w`, 32: `${name}d`, 64: `${name}q` },
    semantics: cpu => semantics(cpu, cpu.operandWidth),
  });
  return [byte, wide];
};
