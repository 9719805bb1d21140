/** BT, BTS, BTR, BTC (SDM vol. 2). In memory a register's bit offset reaches beyond the operand, either way. CF alone changes. */
import { constant, type Value } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Operand } from '../operand.ts';

type Change = (before: Value, mask: Value) => Value;

/** Displacement in bytes of the word that holds the bit. */
const displacement = (target: Operand, index: Operand): Value | number => {
  if (!target.isMemory || index.form?.kind !== 'general') return 0;
  const words = target.width === 16 ? 4 : target.width === 32 ? 5 : 6;
  return index
    .read()
    .signExtend(64)
    .sar(words)
    .shl(words - 3);
};

const bitInstruction = (name: string, opcode: string, extension: number, change?: Change): Instruction =>
  instruction(name, {
    encodings: [
      [opcode, 'Ev', 'Gv'],
      [`0f ba /${extension}`, 'Ev', 'Ib'],
    ],
    ...(change ? { lockable: true as const } : {}),
    semantics(cpu, target, source) {
      const { width } = target!;
      const index = source!
        .read()
        .resize(width)
        .and(width - 1);
      const mask = constant(width, 1).shl(index);
      const at = displacement(target!, source!);
      const word = (): Value => (target!.isMemory ? target!.readAt(at, width) : target!.read());
      const update = (next: (before: Value) => Value) =>
        target!.isMemory ? target!.updateAt(at, width, next) : target!.update(next);
      const before = change ? update(value => change(value, mask)).before : word();
      cpu.setFlags({ cf: before.shr(index).truncate(1) });
    },
  });

export const BT = bitInstruction('bt', '0f a3', 4);
export const BTS = bitInstruction('bts', '0f ab', 5, (before, mask) => before.or(mask));
export const BTR = bitInstruction('btr', '0f b3', 6, (before, mask) => before.and(mask.not()));
export const BTC = bitInstruction('btc', '0f bb', 7, (before, mask) => before.xor(mask));
