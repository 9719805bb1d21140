/** Which rows a mnemonic may mean. */
import { opcodeMap } from '../../isa/opcode-map.ts';
import type { Row } from '../../isa/row.ts';

export interface Candidate {
  readonly row: Row;
  /** The operand size that this name implies, 0 for any. */
  readonly size: number;
  /** Likewise the address size (JCXZ, JECXZ, JRCXZ). */
  readonly addressSize: number;
}

type Candidates = ReadonlyMap<string, readonly Candidate[]>;

function candidatesByName(): Candidates {
  const byName = new Map<string, Candidate[]>();
  const add = (name: string, candidate: Candidate): void => {
    const list = byName.get(name);
    if (list) list.push(candidate);
    else byName.set(name, [candidate]);
  };
  for (const row of opcodeMap().rows) {
    const { name, mnemonics, varies } = row.instruction;
    const byAddress = varies?.includes('address') && !varies.includes('operand');
    for (const [bits, alias] of Object.entries(mnemonics ?? {})) {
      add(alias, { row, size: byAddress ? 0 : Number(bits), addressSize: byAddress ? Number(bits) : 0 });
    }
    if (!Object.values(mnemonics ?? {}).includes(name)) add(name, { row, size: 0, addressSize: 0 });
  }
  return byName;
}

let all: Candidates | undefined;

const conditionAliases: Readonly<Record<string, string>> = {
  c: 'b',
  nae: 'b',
  nc: 'ae',
  nb: 'ae',
  z: 'e',
  nz: 'ne',
  na: 'be',
  nbe: 'a',
  pe: 'p',
  po: 'np',
  nge: 'l',
  nl: 'ge',
  ng: 'le',
  nle: 'g',
};

const aliases: Readonly<Record<string, string>> = {
  sal: 'shl',
  retn: 'ret',
  movabs: 'mov',
  xlatb: 'xlat',
  wait: 'fwait',
  icebp: 'int1',
  loopz: 'loope',
  loopnz: 'loopne',
  ljmp: 'jmp',
  lcall: 'call',
  lret: 'retf',
  iretd: 'iret',
  ...Object.fromEntries(
    ['j', 'set', 'cmov'].flatMap(stem =>
      Object.entries(conditionAliases).map(([alias, code]) => [stem + alias, stem + code]),
    ),
  ),
};

const sizes: Readonly<Record<string, number>> = { w: 16, d: 32, l: 32, q: 64 };

export function candidatesOf(mnemonic: string): readonly Candidate[] {
  const byName = (all ??= candidatesByName());
  const name = byName.has(mnemonic) ? mnemonic : (aliases[mnemonic] ?? mnemonic);
  const known = byName.get(name);
  if (known) return known;
  const size = sizes[name.at(-1) ?? ''];
  const stem = byName.get(name.slice(0, -1));
  return size && stem ? stem.map(candidate => ({ ...candidate, size })) : [];
}

/** x87 instructions that assemblers precede by FWAIT. */
export const waiting: ReadonlySet<string> = new Set(['finit', 'fclex', 'fsave', 'fstenv', 'fstcw', 'fstsw']);
