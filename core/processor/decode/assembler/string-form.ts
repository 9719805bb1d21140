/** `movs DWORD PTR es:[edi],DWORD PTR ds:[esi]` to `movsd`: string instructions whose operands are spelled out. */
import { complain } from './complaint.ts';
import type { Statement } from './encoding.ts';
import type { MemoryOperand, RegisterOperand } from './operand.ts';

const names: ReadonlySet<string> = new Set(['movs', 'cmps', 'stos', 'lods', 'scas', 'ins', 'outs']);
const letters: Readonly<Record<number, string>> = { 8: 'b', 16: 'w', 32: 'd', 64: 'q' };

export function stringForm(statement: Statement): Statement {
  const { mnemonic, operands } = statement;
  const memory = operands.filter((operand): operand is MemoryOperand => operand.kind === 'memory');
  const named = names.has(mnemonic) || (mnemonic === 'xlat' && memory.length === 1);
  if (!named || memory.length === 0) return statement;
  const accumulator = operands.find(
    (operand): operand is RegisterOperand =>
      operand.kind === 'register' && operand.class === 'general' && operand.number === 0,
  );
  const width = memory[0].width || memory[1]?.width || accumulator?.width || 8;
  const letter = letters[width] ?? complain('no string instruction moves so much');
  const source = memory.find(({ base }) => base?.number !== 7);
  const segment = source && source.segment >= 0 && source.segment !== 3 ? source.segment : statement.segment;
  return {
    ...statement,
    mnemonic: mnemonic === 'xlat' ? 'xlat' : mnemonic + letter,
    operands: [],
    segment,
    addressSize: memory[0].base?.width ?? 0,
  };
}
