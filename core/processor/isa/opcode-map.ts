/**
 * The opcode map (SDM vol. 2, appendix A), made from the rows of all instructions: opcode space × byte × mandatory prefix × ModRM
 * lead to a cell; a cell and the operand-size state lead to a variant, which is a row under a settled operand size.
 * Two rows that claim the same bytes are an error here, when the map is built.
 */
import { instructions } from './index.ts';
import type { Instruction } from './instruction.ts';
import { opcodeCount, parseRows, type Row } from './row.ts';

/** Mandatory-prefix classes, as the decoder sees them: the last of F2 and F3, else 66, else none. */
export const PrefixClass = { none: 0, p66: 1, f3: 2, f2: 3 } as const;
const classNames = ['none', '66', 'f3', 'f2'] as const;

/** Code size and what prefixes make of the operand size. */
export interface SizeState {
  readonly code64: boolean;
  readonly size: 16 | 32 | 64;
  readonly rexW: boolean;
  /** VEX.L. */
  readonly l: 0 | 1;
}
export const sizeStates: readonly SizeState[] = [
  { code64: false, size: 16, rexW: false, l: 0 },
  { code64: false, size: 32, rexW: false, l: 0 },
  { code64: true, size: 16, rexW: false, l: 0 },
  { code64: true, size: 32, rexW: false, l: 0 },
  { code64: true, size: 64, rexW: true, l: 0 },
];
/** The same behind a VEX prefix: 64-bit mode × 4 + W × 2 + L. */
export const vexStates: readonly SizeState[] = Array.from({ length: 8 }, (_, n) => ({
  code64: n >= 4,
  size: n >= 6 ? 64 : 32,
  rexW: (n & 2) !== 0,
  l: n & 1 ? 1 : 0,
}));
export const sizeStateCount = vexStates.length;

/** Index in `sizeStates`, by code size (core/processor/state/mode.ts), 66 and REX.W. */
export const sizeStateOf = (codeSize: number, prefix66: boolean, rexW: boolean): number => {
  if (codeSize === 2) return rexW ? 4 : prefix66 ? 2 : 3;
  return (codeSize === 1) === prefix66 ? 0 : 1;
};

/** A row with operand size and code size settled. */
export interface Variant {
  readonly row: Row;
  readonly size: 16 | 32 | 64;
  readonly code64: boolean;
  /** Vectors are 256 bits wide. */
  readonly l: 0 | 1;
  /** Index in `featureNames`, 0 for none. */
  readonly feature: number;
  /** Only without REX.B: with it, the bytes mean the `+r` row behind (NOP and XCHG r8). */
  readonly plainOnly: boolean;
  /** Variant to take where feature or REX.B forbid this one; 0 for none. */
  readonly next: number;
}

const specificity = (row: Row): number =>
  (row.modrm >= 0 ? 8 : 0) + (row.prefix === 'any' ? 0 : row.prefix === 'no-rep' ? 2 : 4) + (row.plusRegister ? 0 : 1);

const admitsClass = (row: Row, prefixClass: number): boolean => {
  switch (row.prefix) {
    case 'any':
      return true;
    case 'no-rep':
      return prefixClass < PrefixClass.f3;
    default:
      return row.prefix === classNames[prefixClass];
  }
};

const admitsModrm = (row: Row, modrm: number): boolean => {
  if (row.modrm >= 0) return row.modrm === modrm;
  if (row.reg >= 0 && row.reg !== ((modrm >> 3) & 7)) return false;
  return row.forcesRegister || (modrm >= 0xc0 ? row.register : row.memory);
};

/** Outside of 64-bit mode VEX.W does not matter to a general register. */
const hasGeneral = ({ operands }: Row): boolean => operands.some(({ kind }) => kind === 'general');

/** Operand size of a row in a state, or 0 where the row does not apply. */
export const sizeIn = (row: Row, { code64, size, rexW, l }: SizeState): 0 | 16 | 32 | 64 => {
  const { options } = row;
  if (code64 ? options.no64 : options.only64) return 0;
  const w = rexW && (code64 || !hasGeneral(row)) ? 1 : 0;
  if (options.w !== undefined && options.w !== w) return 0;
  if (row.vex && typeof row.l === 'number' && row.l !== l) return 0;
  let result = size;
  if (code64 && (options.size64 === 'forced' || (options.size64 === 'default' && size !== 16))) result = 64;
  return options.operandSize !== undefined && options.operandSize !== result ? 0 : result;
};

export class OpcodeMap {
  readonly rows: readonly Row[];
  /** Feature names by number; 0 is no feature. */
  readonly featureNames: string[] = [''];
  /** Variant 0 is no instruction. */
  readonly variants: (Variant | undefined)[] = [undefined];

  /** By opcode (space << 8 | byte): 0 no row, 1 no ModRM, 2 ModRM that does not choose rows, 3 ModRM that does. */
  readonly opcodeKinds: Uint8Array = new Uint8Array(opcodeCount);
  /** By opcode: first entry in `cells`, to which prefix class (and ModRM, × 256 classes) are added. */
  readonly opcodeCells: Int32Array = new Int32Array(opcodeCount);
  readonly cells: Uint16Array;
  /** By cell × sizeStateCount + state: variant. */
  readonly cellVariants: Uint16Array;

  readonly #cellOf = new Map<string, number>();
  readonly #cellRows: (readonly Row[])[] = [[]];
  readonly #variantOf = new Map<string, number>();
  readonly #numbers: ReadonlyMap<Row, number>;

  constructor(list: readonly Instruction[]) {
    this.rows = list.flatMap(instruction =>
      instruction.encodings.flatMap(encoding => parseRows(instruction, encoding)),
    );
    this.#numbers = new Map(this.rows.map((row, n) => [row, n]));
    const byOpcode: Row[][] = Array.from({ length: opcodeCount }, () => []);
    for (const row of this.rows) {
      for (let n = 0; n < (row.plusRegister ? 8 : 1); n++) byOpcode[(row.space << 8) | (row.byte + n)].push(row);
    }
    const cells: number[] = [];
    byOpcode.forEach((rows, opcode) => {
      if (rows.length > 0) this.#addOpcode(opcode, rows, cells);
    });
    this.cells = Uint16Array.from(cells);
    this.cellVariants = new Uint16Array(this.#cellRows.length * sizeStateCount);
    this.#cellRows.forEach((rows, cell) => {
      const states = rows[0]?.vex ? vexStates : sizeStates;
      states.forEach((state, index) => {
        this.cellVariants[cell * sizeStateCount + index] = this.#variant(rows, state);
      });
    });
  }

  #addOpcode(opcode: number, rows: readonly Row[], cells: number[]): void {
    const { hasModrm } = rows[0];
    const other = rows.find(row => row.hasModrm !== hasModrm);
    if (other) throw new Error(`${rows[0].text} and ${other.text} disagree whether there is a ModRM byte`);
    const splits = hasModrm && rows.some(row => row.reg >= 0 || row.modrm >= 0 || !(row.memory && row.register));
    this.opcodeKinds[opcode] = hasModrm ? (splits ? 3 : 2) : 1;
    this.opcodeCells[opcode] = cells.length;
    for (let prefixClass = 0; prefixClass < 4; prefixClass++) {
      const inClass = rows.filter(row => admitsClass(row, prefixClass));
      if (!splits) {
        cells.push(this.#cell(inClass));
        continue;
      }
      const bytes = inClass.filter(row => row.modrm >= 0);
      const usual = new Map<number, number>();
      for (let modrm = 0; modrm < 256; modrm++) {
        if (bytes.some(row => row.modrm === modrm)) {
          cells.push(this.#cell(inClass.filter(row => admitsModrm(row, modrm))));
          continue;
        }
        const group = ((modrm >> 3) & 7) | (modrm >= 0xc0 ? 8 : 0);
        const cell = usual.get(group) ?? this.#cell(inClass.filter(row => admitsModrm(row, modrm)));
        usual.set(group, cell);
        cells.push(cell);
      }
    }
  }

  #cell(rows: readonly Row[]): number {
    if (rows.length === 0) return 0;
    const key = rows.map(row => this.#rowNumber(row)).join();
    let cell = this.#cellOf.get(key);
    if (cell === undefined) {
      cell = this.#cellRows.length;
      this.#cellRows.push([...rows].sort((a, b) => specificity(b) - specificity(a)));
      this.#cellOf.set(key, cell);
    }
    return cell;
  }

  #rowNumber(row: Row): number {
    return this.#numbers.get(row)!;
  }

  #variant(rows: readonly Row[], state: SizeState): number {
    const index = rows.findIndex(row => sizeIn(row, state) !== 0);
    if (index < 0) return 0;
    const row = rows[index];
    const rest = rows.slice(index + 1).filter(each => sizeIn(each, state) !== 0);
    const rival = rest.find(each => specificity(each) === specificity(row));
    if (rival) throw new Error(`${row.text} and ${rival.text} claim the same bytes`);
    const size = sizeIn(row, state) as 16 | 32 | 64;
    const plainOnly = state.code64 && !row.plusRegister && rest.some(each => each.plusRegister);
    const l = row.l === 'ignored' ? 0 : state.l;
    const feature = this.#feature(row.features[l]);
    const next = plainOnly || feature ? this.#variant(rest, state) : 0;
    const key = `${this.#rowNumber(row)} ${size} ${state.code64} ${l} ${next}`;
    let variant = this.#variantOf.get(key);
    if (variant === undefined) {
      variant = this.variants.length;
      this.variants.push({ row, size, code64: state.code64, l, feature, plainOnly, next });
      this.#variantOf.set(key, variant);
    }
    return variant;
  }

  #feature(name: string | undefined): number {
    if (name === undefined) return 0;
    const known = this.featureNames.indexOf(name);
    return known >= 0 ? known : this.featureNames.push(name) - 1;
  }

  /** Feature names as `decode` takes them: one byte each. */
  featureSet(names: Iterable<string>): Uint8Array {
    const set = new Uint8Array(this.featureNames.length);
    for (const name of names) {
      const index = this.featureNames.indexOf(name);
      if (index > 0) set[index] = 1;
    }
    return set;
  }
}

let map: OpcodeMap | undefined;

/** The map of everything that this CPU knows. It is made when it is first asked for: an import of virt64 does not wait for it. */
export const opcodeMap = (): OpcodeMap => (map ??= new OpcodeMap(instructions));
