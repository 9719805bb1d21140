/** AAA, AAS, AAM, AAD, DAA, DAS (SDM vol. 2), none of them in 64-bit mode. Undefined flags are as Intel processors leave them. */

import { constant, no, type Value, zero } from '../../ir/value.ts';
import { Vector } from '../../state/registers.ts';
import { flagsOfLogic } from '../flags.ts';
import { type Instruction, instruction } from '../instruction.ts';

const adjustAscii = (name: string, opcode: string, adjust: (accumulator: Value, by: Value) => Value): Instruction =>
  instruction(name, {
    encodings: [[opcode, { no64: true }]],
    semantics(cpu) {
      const accumulator = cpu.register(0, 16);
      const before = accumulator.read();
      const needed = constant(8, 9).ltU(before.truncate(8).and(0x0f)).or(cpu.flag('af'));
      const after = adjust(before, needed.select(constant(16, 0x0106), zero(16))).and(0xff0f);
      accumulator.write(after);
      cpu.setFlags({ result: after.truncate(8), cf: needed, af: needed, of: no });
    },
  });

export const AAA = adjustAscii('aaa', '37', (accumulator, by) => accumulator.add(by));
export const AAS = adjustAscii('aas', '3f', (accumulator, by) => accumulator.sub(by));

export const AAM = instruction('aam', {
  encodings: [['d4', 'Ib', { no64: true }]],
  semantics(cpu, base) {
    const divisor = base!.read().zeroExtend(32);
    cpu.raise(Vector.de, divisor.eq(0));
    const before = cpu.register(0, 8).read().zeroExtend(32);
    const rest = before.remU(divisor).truncate(8);
    cpu.register(0, 16).write(before.divU(divisor).truncate(16).shl(8).or(rest.zeroExtend(16)));
    cpu.setFlags(flagsOfLogic(rest));
  },
});

export const AAD = instruction('aad', {
  encodings: [['d5', 'Ib', { no64: true }]],
  semantics(cpu, base) {
    const low = cpu.register(0, 8).read();
    const after = low.add(cpu.highByte(0).read().mul(base!.read()));
    cpu.register(0, 16).write(after.zeroExtend(16));
    cpu.setFlags(flagsOfLogic(after));
  },
});

const adjustDecimal = (name: string, opcode: string, adjust: (value: Value, by: Value) => Value): Instruction =>
  instruction(name, {
    encodings: [[opcode, { no64: true }]],
    semantics(cpu) {
      const register = cpu.register(0, 8);
      const before = register.read();
      const carry = cpu.flag('cf');
      const low = constant(8, 9).ltU(before.and(0x0f)).or(cpu.flag('af'));
      const high = constant(8, 0x99).ltU(before).or(carry);
      const corrected = adjust(before, low.select(constant(8, 6), zero(8)));
      const after = adjust(corrected, high.select(constant(8, 0x60), zero(8)));
      register.write(after);
      // DAS also keeps the borrow of its first step.
      const borrow = name === 'das' ? low.and(before.ltU(6)) : no;
      cpu.setFlags({ result: after, cf: high.or(borrow), af: low, of: no });
    },
  });

export const DAA = adjustDecimal('daa', '27', (value, by) => value.add(by));
export const DAS = adjustDecimal('das', '2f', (value, by) => value.sub(by));
