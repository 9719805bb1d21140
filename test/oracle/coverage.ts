/** Which rows of the instruction table a case executes: by row, mode, and register or memory. */
import { Decoded } from '../../core/processor/decode/decoded.ts';
import { allDecodeFeatures, decode } from '../../core/processor/decode/decoder.ts';
import { opcodeMap } from '../../core/processor/isa/opcode-map.ts';
import { CodeSize, mode64, modeOf } from '../../core/processor/state/mode.ts';
import type { Case } from './case.ts';

const legacy = modeOf(CodeSize.bits32, true, false, true);
const decoded = new Decoded();

/** The rows that GNU as' bytes decode to, up to what is no instruction (jumps over nothing, faults by intent). */
export function rowsOf({ bytes, mode }: Pick<Case, 'bytes' | 'mode'>): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const rest = bytes.subarray(at, at + 15);
    const source = { length: rest.length, at: (index: number) => rest[index] };
    const length = decode(source, mode === 64 ? mode64 : legacy, allDecodeFeatures, decoded);
    if (length <= 0) break;
    const { row } = opcodeMap().variants[decoded.variant]!;
    const isRegister = decoded.modrm >= 0xc0 || row.forcesRegister;
    found.push(`${row.text}${decoded.modrm < 0 ? '' : isRegister ? ' register' : ' memory'}`);
    at += length;
  }
  return found;
}

/** Everything that `rowsOf` can find in a mode. */
export function allRows(mode: 32 | 64): string[] {
  const found = new Set<string>();
  for (const variant of opcodeMap().variants) {
    if (!variant || variant.code64 !== (mode === 64)) continue;
    const { row } = variant;
    if (!row.hasModrm) found.add(row.text);
    if (row.hasModrm && row.memory) found.add(`${row.text} memory`);
    if (row.hasModrm && (row.register || row.forcesRegister)) found.add(`${row.text} register`);
  }
  return [...found];
}
