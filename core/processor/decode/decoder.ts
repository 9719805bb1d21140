/** Bytes to instructions, in any mode (SDM vol. 2, chapter 2; APM vol. 3, chapter 1). Array look-ups only: nothing is allocated. */
import { type FormTable, formTable } from '../isa/forms.ts';
import { type OpcodeMap, opcodeMap, sizeStateCount, sizeStateOf } from '../isa/opcode-map.ts';
import { Fill } from '../isa/operand-pattern.ts';
import { vexSpaces } from '../isa/row.ts';
import { gprOffset, state as layout, Segment, x87Offset, xmmOffset } from '../state/layout.ts';
import { byteAt, longAt, wordAt } from './bytes.ts';
import type { ByteSource, Decoded } from './decoded.ts';
import { decodeMemory } from './modrm.ts';
import { DecodePlan, Extend, VariantFlag } from './plan.ts';
import { overrideSegment, Prefix, prefixKinds, rexKind } from './prefixes.ts';

const longest = 15;
const none = layout.zero.offset;

/** What the opcode map and the forms come to, made by the first instruction; bindings of the module, since a table of tables costs a tenth. */
let isPrepared = false;
let plan!: DecodePlan;
let { opcodeKinds, opcodeCells, cells, cellVariants } = {} as OpcodeMap;
let { start, registerStep, addressStep, stackStep, repeatStep, vendorStep, index, forms } = {} as FormTable;
let intel = 0;

function prepare(): void {
  const map = opcodeMap();
  plan = new DecodePlan(map);
  ({ opcodeKinds, opcodeCells, cells, cellVariants } = map);
  ({ start, registerStep, addressStep, stackStep, repeatStep, vendorStep, index, forms } = formTable());
  intel = map.featureNames.indexOf('intel');
  isPrepared = true;
}

/** By code size × 4 + (REX.W × 2 + 66): index in `sizeStates`. */
const sizeState = Uint8Array.from({ length: 12 }, (_, n) => sizeStateOf(n >> 2, (n & 1) !== 0, (n & 2) !== 0));
/** By code size × 2 + 67. */
const addressWidths: readonly (16 | 32 | 64)[] = [16, 32, 32, 16, 64, 32];

/** Prefixes that may not stand before VEX, and what the fields of VEX reach: maps 1 to 3. */
const forbiddenBeforeVex = Prefix.operandSize | Prefix.repe | Prefix.repne | Prefix.lock;
const vexMaps = 0x400;

/** CR0, CR2, CR3, CR4, CR8. */
const controlRegisters = 0x11d;

/** The features that decoding depends on, by name, as `decode` takes them. */
export const decodeFeatures = (names: Iterable<string>): Uint8Array => opcodeMap().featureSet(names);
/** More than there are. */
export const allDecodeFeatures: Uint8Array = new Uint8Array(256).fill(1);

/** A fault, unless the bytes ended before it could be known. */
const refuse = (source: ByteSource, position: number, out: Decoded, fault: number): number => {
  if (position > source.length && source.length < longest) return 0;
  out.fault = position > longest ? 13 : fault;
  out.form = undefined;
  return -1;
};

/**
 * Decodes the instruction at the start of `source`. Returns its length; 0 if the source ends too early (`out` is then meaningless);
 * -1 if these bytes fault, `out.fault` saying how.
 */
export function decode(source: ByteSource, mode: number, features: Uint8Array, out: Decoded): number {
  if (!isPrepared) prepare();
  const codeSize = mode & 3;
  const code64 = codeSize === 2;
  const kinds = code64 ? 256 : 0;

  let position = 0;
  let prefixes = 0;
  let override = -1;
  let rex = 0;
  let byte = 0;
  for (;;) {
    byte = byteAt(source, position++);
    const kind = prefixKinds[kinds + byte];
    if (kind === 0) break;
    if (position > longest) return refuse(source, position, out, 13);
    if (kind === rexKind) {
      rex = byte;
      continue;
    }
    rex = 0;
    if (kind === Prefix.segment) {
      // 64-bit mode knows FS and GS only; the others do not even undo them.
      if (!code64 || byte >= 0x64) override = overrideSegment(byte);
    } else if (kind === Prefix.repe || kind === Prefix.repne) {
      prefixes &= ~(Prefix.repe | Prefix.repne);
    }
    prefixes |= kind;
  }

  let opcode = byte;
  let vex = 0;
  // LES and LDS have no form with registers, so outside of 64-bit mode two set bits make the difference; real mode knows no VEX.
  if ((byte === 0xc4 || byte === 0xc5) && (code64 || ((mode & 8) === 0 && byteAt(source, position) >= 0xc0))) {
    const first = byteAt(source, position++);
    const hadRex = rex !== 0;
    rex = 0x40;
    if (byte === 0xc5) {
      vex = (first & 0x7f) | 0x100;
      rex |= (~first & 0x80) >> 5;
    } else {
      const second = byteAt(source, position++);
      vex = (second & 0x7f) | ((first & 0x1f) << 8);
      rex |= ((~first & 0xe0) >> 5) | ((second & 0x80) >> 4);
    }
    if (!code64) rex &= 0x48;
    opcode = (vexSpaces << 8) + (vex & 0x1f00) + byteAt(source, position++);
    // No other prefix may say what VEX says.
    if ((prefixes & forbiddenBeforeVex) !== 0 || hadRex || vex >= vexMaps) return refuse(source, position, out, 6);
  } else if (byte === 0x0f) {
    byte = byteAt(source, position++);
    opcode = 0x100 | byte;
    if (byte === 0x38 || byte === 0x3a) {
      opcode = byte === 0x38 ? 0x200 : 0x300;
      opcode |= byteAt(source, position++);
    }
  }

  const opcodeKind = opcodeKinds[opcode];
  if (opcodeKind === 0) return refuse(source, position, out, 6);
  const prefixClass = vex
    ? vex & 3
    : prefixes & Prefix.repne
      ? 3
      : prefixes & Prefix.repe
        ? 2
        : prefixes & Prefix.operandSize
          ? 1
          : 0;
  let modrm = -1;
  let cell = opcodeCells[opcode] + prefixClass;
  if (opcodeKind > 1) {
    modrm = byteAt(source, position++);
    if (opcodeKind === 3) cell = opcodeCells[opcode] + (prefixClass << 8) + modrm;
  }
  const state = vex
    ? (code64 ? 4 : 0) | ((rex & 8) >> 2) | ((vex >> 2) & 1)
    : sizeState[(codeSize << 2) | ((rex & 8) >> 2) | (prefixes & Prefix.operandSize)];
  let variant = cellVariants[cells[cell] * sizeStateCount + state];
  while (variant !== 0) {
    const feature = plan.feature[variant];
    const admitted =
      (feature === 0 || features[feature] !== 0) && (!(plan.flags[variant] & VariantFlag.plainOnly) || !(rex & 1));
    if (admitted) break;
    variant = plan.next[variant];
  }
  if (variant === 0) return refuse(source, position, out, 6);
  const flags = plan.flags[variant];
  if (flags & VariantFlag.protectedOnly && mode & 8) return refuse(source, position, out, 6);

  const isRegister = modrm >= 0xc0 || (flags & VariantFlag.forcesRegister) !== 0;
  const hasMemory = modrm >= 0 && !isRegister;
  const lock = (prefixes & Prefix.lock) !== 0;
  if (lock && !(flags & VariantFlag.lockable && hasMemory)) return refuse(source, position, out, 6);

  if (vex && !(flags & VariantFlag.vvvv) && (vex & 0x78) !== 0x78) return refuse(source, position, out, 6);

  const width = addressWidths[(codeSize << 1) | ((prefixes & Prefix.addressSize) >> 1)];
  out.variant = variant;
  out.prefixes = prefixes;
  out.rex = rex;
  out.vex = vex;
  out.opcode = opcode;
  out.modrm = modrm;
  out.sib = -1;
  out.base = none;
  out.index = none;
  out.scale = 0;
  out.displacementLow = 0;
  out.displacementHigh = 0;
  out.ripRelative = false;
  out.addressWidth = width;
  out.segment = Segment.ds;
  out.lock = lock;
  out.immediateLow = 0;
  out.immediateHigh = 0;

  if (hasMemory) position = decodeMemory(source, position, out, code64);
  if (flags & VariantFlag.vsib) {
    if (width === 16 || out.sib < 0) return refuse(source, position, out, 6);
    out.index = none;
    out.scale = out.sib >> 6;
  }
  if (flags & VariantFlag.direct) position = decodeDirect(source, position, out);
  if (override >= 0) out.segment = override;
  const { registers } = out;
  registers[0] = registers[1] = registers[2] = registers[3] = 0;
  if (flags & VariantFlag.fills && !fillRegisters(out, variant, isRegister, code64))
    return refuse(source, position, out, 6);
  // Of a gather target, index and mask are three.
  if (flags & VariantFlag.vsib && hasTwice(registers)) return refuse(source, position, out, 6);
  if (flags & VariantFlag.immediates) position = decodeImmediates(source, position, out, variant);
  if (flags & VariantFlag.is4) registers[3] = xmmOffset((out.immediateLow >> 4) & (code64 ? 15 : 7));

  if (position > longest || position > source.length) return refuse(source, position, out, 13);
  const repeat = prefixClass >= 2 && !vex ? prefixClass - 1 : 0;
  const stack = code64 ? 2 : (mode >> 2) & 1;
  const form =
    start[variant] +
    (isRegister ? registerStep[variant] : 0) +
    (width >> 5) * addressStep[variant] +
    stack * stackStep[variant] +
    repeat * repeatStep[variant] +
    features[intel] * vendorStep[variant];
  out.form = forms[index[form]];
  out.length = position;
  return position;
}

/** Register operands of a gather: its second operand is in memory. */
const hasTwice = ([target, , index, mask]: Int32Array): boolean =>
  target === index || target === mask || index === mask;

/** MOV moffs: an address as wide as the address size. */
function decodeDirect(source: ByteSource, position: number, out: Decoded): number {
  if (out.addressWidth === 16) {
    out.displacementLow = wordAt(source, position);
    return position + 2;
  }
  out.displacementLow = longAt(source, position);
  if (out.addressWidth === 32) return position + 4;
  out.displacementHigh = longAt(source, position + 4);
  return position + 8;
}

function decodeImmediates(source: ByteSource, position: number, out: Decoded, variant: number): number {
  let at = position;
  const extend = plan.immediateExtend[variant];
  let low = 0;
  let high = 0;
  switch (plan.immediateBytes[variant]) {
    case 1:
      low = byteAt(source, at);
      if (extend) low = (low << 24) >> 24;
      at += 1;
      break;
    case 2:
      low = wordAt(source, at);
      if (extend) low = (low << 16) >> 16;
      at += 2;
      break;
    case 4:
      low = longAt(source, at);
      at += 4;
      break;
    default:
      low = longAt(source, at);
      high = longAt(source, at + 4);
      at += 8;
  }
  if (extend === Extend.sign64) high = low >> 31;
  else if (extend === Extend.sign16) low &= 0xffff;
  out.immediateLow = low;
  out.immediateHigh = high;
  const second = plan.secondBytes[variant];
  if (second === 1) out.displacementLow = byteAt(source, at);
  else if (second === 2) out.displacementLow = wordAt(source, at);
  return at + second;
}

/** SPL…DIL with any REX, AH…BH without. */
const byteRegister = (number: number, rex: number): number =>
  rex === 0 && number >= 4 ? gprOffset(number - 4) + 1 : gprOffset(number);

/** False where the register does not exist. */
function fillRegisters(out: Decoded, variant: number, isRegister: boolean, code64: boolean): boolean {
  const { registers, rex, modrm } = out;
  const reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
  const rm = (modrm & 7) | ((rex & 1) << 3);
  const low = (out.opcode & 7) | ((rex & 1) << 3);
  const vvvv = (~out.vex >> 3) & (code64 ? 15 : 7);
  for (let n = 0; n < 4; n++) {
    switch (plan.fills[variant * 4 + n]) {
      case Fill.reg8:
        registers[n] = byteRegister(reg, rex);
        break;
      case Fill.reg:
        registers[n] = gprOffset(reg);
        break;
      case Fill.rm8:
        if (isRegister) registers[n] = byteRegister(rm, rex);
        break;
      case Fill.rm:
        if (isRegister) registers[n] = gprOffset(rm);
        break;
      case Fill.opcode8:
        registers[n] = byteRegister(low, rex);
        break;
      case Fill.opcode:
        registers[n] = gprOffset(low);
        break;
      case Fill.xmmReg:
        registers[n] = xmmOffset(reg);
        break;
      case Fill.xmmRm:
        if (isRegister) registers[n] = xmmOffset(rm);
        break;
      case Fill.xmmVvvv:
        registers[n] = xmmOffset(vvvv);
        break;
      case Fill.vvvv:
        registers[n] = gprOffset(vvvv);
        break;
      case Fill.xmmIndex:
        registers[n] = xmmOffset(((out.sib >> 3) & 7) | ((rex & 2) << 2));
        break;
      case Fill.mmxReg:
        registers[n] = x87Offset(reg & 7);
        break;
      case Fill.mmxRm:
        if (isRegister) registers[n] = x87Offset(rm & 7);
        break;
      case Fill.stRm:
        registers[n] = rm & 7;
        break;
      case Fill.fixed:
        registers[n] = plan.fixed[variant * 4 + n];
        break;
      case Fill.segmentReg:
        registers[n] = reg & 7;
        if ((reg & 7) > Segment.gs) return false;
        if ((reg & 7) === Segment.cs && plan.flags[variant] & VariantFlag.writesSegment) return false;
        break;
      case Fill.controlReg:
        registers[n] = reg;
        if (!((controlRegisters >> reg) & 1)) return false;
        break;
      case Fill.debugReg:
        registers[n] = reg;
        if (reg > 7) return false;
        break;
    }
  }
  return true;
}
