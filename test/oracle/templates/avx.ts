/** VEX-encoded instructions: a template for each row of the instruction table that has one, its operands as the row says. */
import { opcodeMap } from '../../../core/processor/isa/opcode-map.ts';
import type { OperandPattern } from '../../../core/processor/isa/operand-pattern.ts';
import { laneWidth, operandWidth } from '../../../core/processor/isa/operand-pattern.ts';
import type { Row } from '../../../core/processor/isa/row.ts';
import { fxOffsets, regions } from '../machine.ts';
import { littleEndian } from '../random.ts';
import { type FlagUse, Retry, type Size, type Snippet, type Template } from '../snippet.ts';
import { all } from './flags.ts';
import { chooseMxcsr, type Element, vectorBytes, vectorMemory } from './vector.ts';

const elementOf = (name: string): Element => {
  if (/(ps|ss)$/.test(name) || /^vcvt(ps|ss)2/.test(name) || /^vcvttps/.test(name)) return 'ps';
  return /(pd|sd)$/.test(name) || /^vcvtt?(pd|sd)2/.test(name) ? 'pd' : 'int';
};

/** A register with both halves chosen. */
export const vector = (s: Snippet, element: Element, bits: number): string => {
  const index = s.random.below(s.mode === 64 ? 16 : 8);
  if (!s.vectors.has(index)) {
    s.vectors.add(index);
    s.setFx(fxOffsets.xmm + index * 16, vectorBytes(s, element, 16));
    s.setFx(fxOffsets.ymmHigh + index * 16, vectorBytes(s, element, 16));
  }
  return `${bits === 256 ? 'ymm' : 'xmm'}${index}`;
};

/** Shift counts: mostly few. */
const count = (s: Snippet): Uint8Array => {
  const bytes = vectorBytes(s, 'int', 16);
  if (s.random.chance(0.8)) bytes.fill(0, 1);
  if (s.random.chance(0.8)) bytes[0] &= 0x3f;
  return bytes;
};

const isShift = (row: Row): boolean => /^vps[lr][lar]/.test(row.instruction.name);

interface Choice {
  readonly size: 32 | 64;
  readonly l: 0 | 1;
  readonly isMemory: boolean;
}

function operand(s: Snippet, row: Row, pattern: OperandPattern, at: number, choice: Choice): string {
  const { instruction } = row;
  const element = elementOf(instruction.name);
  const width = operandWidth(pattern, choice.size, choice.l);
  const written = at === 0 ? 'write' : 'read';
  const counts = isShift(row) && pattern.type === 'dq' && at === 2;
  if (pattern.memory && (choice.isMemory || !pattern.register)) {
    const bytes = (width || 32) / 8;
    if (instruction.aligned === 'always')
      return vectorMemory(s, element, bytes, { align: s.random.chance(0.97) ? bytes : 1 });
    return counts ? s.memory(16, { value: count(s) }) : vectorMemory(s, element, bytes);
  }
  switch (pattern.kind) {
    case 'general':
      return s.register(width as Size, written);
    case 'immediate':
      return String(s.random.chance(0.5) ? s.random.below(32) : s.random.below(256));
    default:
      if (counts && s.random.chance(0.7)) {
        const index = s.random.below(8);
        if (!s.vectors.has(index)) {
          s.vectors.add(index);
          s.setFx(fxOffsets.xmm + index * 16, count(s));
          return `xmm${index}`;
        }
      }
      return vector(s, element, width);
  }
}

/** Which operands come first in the bytes decides where GNU as has a choice. */
const isStore = ({ operands }: Row, isMemory: boolean): boolean =>
  !isMemory && /^[WU]$/.test(operands[0].method) && operands.at(-1)!.method === 'V';

/** AF and PF of BMI are undefined; BEXTR's SF, too. */
const bitFields: FlagUse = { writes: all, undefined: 0x14 };
const bitFieldNames = /^(andn|bls\w+|bzhi)$/;

const flagUse = (name: string): FlagUse | undefined =>
  /^v?u?comis[sd]$|^vptest$|^vtestp[sd]$/.test(name)
    ? { writes: all }
    : bitFieldNames.test(name)
      ? bitFields
      : name === 'bextr'
        ? { writes: all, undefined: 0x94 }
        : undefined;

function template(row: Row, isMemory: boolean, l: 0 | 1): Template {
  const { name } = row.instruction;
  return {
    name: row.text,
    share: 1,
    make(s) {
      if (/(ps|pd|ss|sd)$|cvt/.test(name)) chooseMxcsr(s);
      const size = row.options.w === undefined ? s.size(32, 64) : row.options.w === 1 && s.mode === 64 ? 64 : 32;
      const order = [...row.operands.keys()];
      // What is read is chosen first, so that the target may be the same register.
      const texts: string[] = [];
      for (const at of order.reverse())
        texts[at] = operand(s, row, row.operands[at], at, { size: size as 32 | 64, l, isMemory });
      if (/^vr(cp|sqrt)/.test(name)) s.precision = 'estimate';
      s.emit(`${isStore(row, isMemory) ? '{store} ' : ''}${name} ${texts.join(', ')}`, flagUse(name));
    },
    ...(/^vr(cp|sqrt)/.test(name) ? { alone: true } : {}),
  };
}

/** A template for each register and memory form and each vector width. */
function templatesOf(row: Row): Template[] {
  const kinds = [...(row.memory ? [true] : []), ...(row.register ? [false] : [])];
  const lengths: readonly (0 | 1)[] = row.l === 'both' ? [0, 1] : [row.l === 1 ? 1 : 0];
  const wide = row.operands.some(pattern => laneWidth(pattern) > 0);
  return kinds.flatMap(isMemory =>
    lengths.filter(l => l === 0 || wide || row.l === 1).map(l => template(row, isMemory, l)),
  );
}

/** MOVQ as a general register would be moved, which GNU as never chooses. */
const quadword: Template = {
  name: 'vmovq quadword',
  make(s) {
    const register = s.random.below(8);
    for (const at of [fxOffsets.xmm, fxOffsets.ymmHigh]) s.setFx(at + register * 16, vectorBytes(s, 'int', 16));
    const address = regions.data.base + s.random.below(0x1f00);
    s.patch(address, s.contents(8));
    const place = [(register << 3) | 4, 0x25, ...[0, 8, 16, 24].map(shift => (address >>> shift) & 0xff)];
    const bytes = [0xc4, 0xe1, 0xf9, s.random.pick([0x6e, 0x7e]), ...place];
    if (s.mode === 64) s.emit(`.byte ${bytes.join(', ')}`);
  },
};

/** Where vectors have all of their registers, or none, to lose. */
const zeroing: Template = {
  name: 'vzeroupper',
  share: 2,
  make(s) {
    for (let n = 0; n < 4; n++) vector(s, 'int', 256);
    s.emit(s.random.pick(['vzeroupper', 'vzeroall']));
  },
};

/** Masks have a sign or none; now and then all of them. */
function maskRegister(s: Snippet, element: 4 | 8, bits: number): string {
  const name = vector(s, 'int', bits);
  const index = Number(name.slice(3));
  const all = s.random.chance(0.2);
  for (const at of [fxOffsets.xmm, fxOffsets.ymmHigh]) {
    const bytes = vectorBytes(s, 'int', 16);
    for (let n = element - 1; n < 16; n += element)
      bytes[n] = all || s.random.chance(0.6) ? bytes[n] | 0x80 : bytes[n] & 0x7f;
    s.setFx(at + index * 16, bytes);
  }
  return name;
}

/** Memory that is there for elements up to some place only, so that a masked element may lie beyond. */
const maskedMove = (name: string, element: 4 | 8): Template => ({
  name,
  share: 4,
  alone: true,
  make(s) {
    const bits = s.random.pick([128, 256]);
    const bytes = bits / 8;
    const { base, size } = regions.data;
    const beyond = s.random.chance(0.25);
    const address = beyond ? base + size - s.random.between(1, bytes) : base + 0x40 + s.random.below(0x1e00);
    s.patch(address, s.contents(Math.min(bytes, base + size - address)));
    const memory = s.address(BigInt(address));
    const mask = maskRegister(s, element, bits);
    const value = vector(s, 'int', bits);
    s.emit(s.random.chance(0.5) ? `${name} ${value}, ${mask}, ${memory}` : `${name} ${memory}, ${mask}, ${value}`);
  },
});

/** Indices that lead into the data pages; one of them may lead out. */
const gather = (name: string, element: 4 | 8, index: 4 | 8): Template => ({
  name,
  share: 4,
  alone: true,
  make(s) {
    // Whatever comes before would change its registers.
    if (s.lines.length > 0) throw new Retry();
    const l = s.random.below(2);
    const count = (l ? 32 : 16) / Math.max(element, index);
    const width = (bytes: 4 | 8) => (count * bytes > 16 ? 256 : 128);
    const registers = [0, 1, 2, 3, 4, 5, 6, 7].sort(() => s.random.below(3) - 1).slice(0, 3);
    const [target, indices, mask] = registers as [number, number, number];
    const scale = s.random.pick([1, 2, 4, 8]);
    const { base, size } = regions.data;
    const place = base + 0x800;
    for (const register of registers)
      for (const at of [fxOffsets.xmm, fxOffsets.ymmHigh]) s.setFx(at + register * 16, vectorBytes(s, 'int', 16));
    for (let n = 0; n < count; n++) {
      const out = s.random.chance(0.08);
      const value = BigInt(out ? 0x10_0000 : s.random.between(-0x700, 0x1000)) / BigInt(scale);
      put(s, indices, n * index, littleEndian(BigInt.asUintN(index * 8, value), index));
      const at = place + 0x10 + Number(value) * scale;
      if (at + element <= base + size) s.patch(at, s.contents(element));
      if (s.random.chance(0.75)) put(s, mask, n * element + element - 1, Uint8Array.of(0x80 | s.random.below(128)));
    }
    const name64 = (register: number, bits: number) => `${bits === 256 ? 'ymm' : 'xmm'}${register}`;
    const pointer = s.claim(s.random.pick([3, 6, 7]), s.mode, BigInt(place));
    const memory = `[${pointer} + ${name64(indices, width(index))}*${scale} + 0x10]`;
    s.emit(`${name} ${name64(target, width(element))}, ${memory}, ${name64(mask, width(element))}`);
  },
});

/** Bytes of a YMM register. */
function put(s: Snippet, register: number, at: number, bytes: Uint8Array): void {
  const start = at < 16 ? fxOffsets.xmm + at : fxOffsets.ymmHigh + at - 16;
  s.setFx(start + register * 16, bytes);
}

const special: Template[] = [
  quadword,
  zeroing,
  maskedMove('vmaskmovps', 4),
  maskedMove('vmaskmovpd', 8),
  maskedMove('vpmaskmovd', 4),
  maskedMove('vpmaskmovq', 8),
  gather('vpgatherdd', 4, 4),
  gather('vpgatherdq', 8, 4),
  gather('vpgatherqd', 4, 8),
  gather('vpgatherqq', 8, 8),
  gather('vgatherdps', 4, 4),
  gather('vgatherdpd', 8, 4),
  gather('vgatherqps', 4, 8),
  gather('vgatherqpd', 8, 8),
];

const isSpecial = (row: Row): boolean => /^(vzero|v.*gather|v.*maskmov(ps|pd|d|q)$)/.test(row.instruction.name);

export const templates: Template[] = opcodeMap()
  .rows.filter(row => row.vex && !isSpecial(row))
  .flatMap(templatesOf)
  .concat(special);
