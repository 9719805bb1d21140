/**
 * Every form that some bytes reach. A variant of the opcode map has one form per r/m kind (register, memory) and per variation
 * that its instruction declares; forms that do not differ in meaning are one (`add al,imm8` and `add r/m8,imm8`).
 */

import type { Alignment } from '../ir/effect.ts';
import type { Form, OperandForm, OperandKind, OperandWidth, Vendor } from './form.ts';
import { type OpcodeMap, opcodeMap, type Variant } from './opcode-map.ts';
import { laneWidth, operandWidth } from './operand-pattern.ts';
import type { Row } from './row.ts';

type Size = 16 | 32 | 64;
type Repeat = Form['repeat'];
/** `vendor` index of the decoder. */
const vendors: readonly Vendor[] = ['amd', 'intel'];
const sizes: readonly Size[] = [16, 32, 64];

/** `repeat` index of the decoder: none, F3, F2. */
const repeatsOf = (row: Row): readonly Repeat[] => {
  switch (row.instruction.repeats) {
    case 'rep':
      return ['none', 'rep', 'rep'];
    case 'repe':
      return ['none', 'repe', 'repne'];
    default:
      return ['none'];
  }
};

const prefixOfKind: Readonly<Record<OperandKind, string>> = {
  general: 'r',
  segment: 'sreg',
  control: 'cr',
  debug: 'dr',
  mmx: 'mm',
  xmm: 'x',
  st: 'st',
  memory: 'm',
  immediate: 'imm',
  relative: 'rel',
  cl: 'cl',
  dx: 'dx',
  one: '1',
  st0: 'st0',
};
const hasWidth: ReadonlySet<OperandKind> = new Set<OperandKind>([
  'general',
  'control',
  'debug',
  'mmx',
  'xmm',
  'memory',
  'immediate',
  'relative',
]);
const operandText = ({ kind, width }: OperandForm): string =>
  prefixOfKind[kind] + (hasWidth.has(kind) && width ? width : '');

/** Operands that are nothing in a record's register slots. */
const withoutSlot: ReadonlySet<OperandKind> = new Set(['memory', 'immediate', 'relative', 'cl', 'dx', 'one', 'st0']);

function alignmentOf({ instruction, vex }: Row, width: OperandWidth): Alignment | undefined {
  if (vex) return instruction.aligned === 'always' && width ? ((width / 8) as Alignment) : undefined;
  return instruction.aligned && width === 128 ? 16 : undefined;
}

function operandForms({ row, size, l }: Variant, isRegister: boolean): OperandForm[] {
  let slots = 0;
  return row.operands.map((pattern): OperandForm => {
    const kind = pattern.memory && pattern.register && !isRegister ? 'memory' : pattern.kind;
    const width = operandWidth(pattern, size, l);
    return {
      kind,
      width,
      lane: laneWidth(pattern),
      slot: withoutSlot.has(kind) ? -1 : slots++,
      alignment: kind === 'memory' ? alignmentOf(row, width) : undefined,
    };
  });
}

/** The operand size where the form is not told apart by it: what the operands show. */
const shownWidth = (operands: readonly OperandForm[]): Size => {
  const shows = (operand: OperandForm): boolean =>
    (operand.kind === 'general' ||
      operand.kind === 'memory' ||
      operand.kind === 'immediate' ||
      operand.kind === 'relative') &&
    sizes.includes(operand.width as Size);
  return (operands.find(shows)?.width ?? 32) as Size;
};

/** Where the forms of each variant start in `index`, and how far each choice steps. Arrays by variant. */
export class FormTable {
  readonly forms: Form[] = [];
  readonly start: Int32Array;
  readonly registerStep: Uint8Array;
  readonly addressStep: Uint8Array;
  readonly stackStep: Uint8Array;
  readonly repeatStep: Uint8Array;
  readonly vendorStep: Uint8Array;
  /** Form ids, 0xffff where unreachable. */
  readonly index: Uint16Array;

  readonly #byKey = new Map<string, Form>();
  /** Starts of what code size does not change, by row, and by operand size and vector width. */
  readonly #shared = new Map<Row, Record<number, number>>();

  constructor(map: OpcodeMap) {
    const count = map.variants.length;
    this.start = new Int32Array(count);
    this.registerStep = new Uint8Array(count);
    this.addressStep = new Uint8Array(count);
    this.stackStep = new Uint8Array(count);
    this.repeatStep = new Uint8Array(count);
    this.vendorStep = new Uint8Array(count);
    const index: number[] = [];
    map.variants.forEach((variant, n) => {
      if (variant) this.#addVariant(variant, n, index);
    });
    this.index = Uint16Array.from(index);
  }

  #addVariant(variant: Variant, n: number, index: number[]): void {
    const { row, code64 } = variant;
    const varies = row.instruction.varies ?? [];
    const repeats = repeatsOf(row);
    const addresses = varies.includes('address') ? sizes : [64 as Size];
    const stacks = varies.includes('stack') ? sizes : [64 as Size];
    const kinds = row.memory && row.register ? [false, true] : [row.register || row.forcesRegister];
    const makers = row.instruction.vendorDependent ? vendors : [undefined];
    this.repeatStep[n] = repeats.length > 1 ? 1 : 0;
    this.stackStep[n] = stacks.length > 1 ? repeats.length : 0;
    this.addressStep[n] = addresses.length > 1 ? repeats.length * stacks.length : 0;
    this.registerStep[n] = kinds.length > 1 ? repeats.length * stacks.length * addresses.length : 0;
    this.vendorStep[n] = makers.length > 1 ? repeats.length * stacks.length * addresses.length * kinds.length : 0;
    const shared = varies.some(variation => variation !== 'operand' && variation !== 'repeat')
      ? undefined
      : this.#sharedBy(row);
    const widths = variant.size + variant.l;
    const known = shared?.[widths];
    this.start[n] = known ?? index.length;
    if (known !== undefined) return;
    if (shared) shared[widths] = index.length;
    for (const vendor of makers) {
      for (const isRegister of kinds) {
        const operands = operandForms(variant, isRegister);
        for (const address of addresses) {
          const addressReachable = addresses.length === 1 || (code64 ? address !== 16 : address !== 64);
          for (const stack of stacks) {
            const reachable = addressReachable && (stacks.length === 1 || (stack === 64) === code64);
            for (const repeat of repeats) {
              index.push(reachable ? this.#form(variant, operands, address, stack, repeat, vendor).id : 0xffff);
            }
          }
        }
      }
    }
  }

  #sharedBy(row: Row): Record<number, number> {
    let starts = this.#shared.get(row);
    if (!starts) this.#shared.set(row, (starts = {}));
    return starts;
  }

  #form(
    variant: Variant,
    operands: readonly OperandForm[],
    address: Size,
    stack: Size,
    repeat: Repeat,
    maker: Vendor | undefined,
  ): Form {
    const { instruction, vex, merges } = variant.row;
    const varies = instruction.varies ?? [];
    const parts = [`${instruction.name} ${operands.map(operandText).join()}`.trimEnd()];
    if (varies.includes('operand')) parts.push(`operand=${variant.size}`);
    if (varies.includes('address')) parts.push(`address=${address}`);
    if (varies.includes('stack')) parts.push(`stack=${stack}`);
    if (varies.includes('code')) parts.push(variant.code64 ? 'code=64' : 'code=legacy');
    if (repeat !== 'none') parts.push(repeat);
    const meaning = {
      instruction,
      operands,
      operandWidth: varies.includes('operand') ? variant.size : shownWidth(operands),
      addressWidth: address,
      stackWidth: stack,
      code64: varies.includes('code') ? variant.code64 : true,
      repeat,
      vex,
      lanes: variant.l ? (2 as const) : (1 as const),
      merges,
    };
    const vendor = instruction.vendorDependent?.(meaning) ? maker : undefined;
    if (vendor) parts.push(vendor);
    const key = parts.join(' ');
    const known = this.#byKey.get(key);
    if (known) {
      if (known.instruction !== instruction) throw new Error(`two instructions have the form "${key}"`);
      return known;
    }
    const form: Form = { id: this.forms.length, key, ...meaning, vendor };
    this.forms.push(form);
    this.#byKey.set(key, form);
    return form;
  }
}

let table: FormTable | undefined;

/** Made when it is first asked for, as the opcode map is. */
export const formTable = (): FormTable => (table ??= new FormTable(opcodeMap()));
export const forms = (): readonly Form[] => formTable().forms;
