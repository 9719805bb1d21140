/** iced-x86 as a second opinion: one instruction, as it sees it and as our decoder does, in the same words. */
import * as iced from 'iced-x86';
import type { Decoded } from '../../../../core/processor/decode/decoded.ts';
import { mnemonicOf } from '../../../../core/processor/decode/disassembler.ts';
import { generalName, mmxName, segments, xmmName } from '../../../../core/processor/decode/names.ts';
import { stringStem } from '../../../../core/processor/decode/string-text.ts';
import { opcodeMap } from '../../../../core/processor/isa/opcode-map.ts';
import { state } from '../../../../core/processor/state/layout.ts';

const registerNames: string[] = [];
for (const [name, value] of Object.entries(iced.Register)) {
  if (typeof value === 'number') registerNames[value] = name.toLowerCase();
}
const mnemonics: string[] = [];
for (const [name, value] of Object.entries(iced.Mnemonic)) {
  if (typeof value === 'number') mnemonics[value] = name.toLowerCase();
}

/** iced names r8…r15's parts as r8d, r8w, r8l; ST(i) as st0. */
const icedRegister = (register: number): string =>
  registerNames[register].replace(/^(r\d+)l$/, '$1b').replace(/^st(\d)$/, 'st($1)');

const hex = (value: bigint): string => value.toString(16);
const memoryText = (
  segment: string,
  base: string,
  index: string,
  scale: number,
  displacement: bigint,
  width: number,
): string =>
  `${segment}:[${[base, index && `${index}*${scale}`].filter(Boolean).join('+')}+${hex(BigInt.asUintN(width, displacement))}]`;

/** Where iced's names are longer or newer than ours; the meaning is the same. */
const renamed: Readonly<Record<string, string>> = {
  sal: 'shl',
  wait: 'fwait',
  xlatb: 'xlat',
  reservednop: 'nop',
  // Hints of later processors, in the space that is NOP to all others.
  cldemote: 'nop',
  prefetchit0: 'nop',
  prefetchit1: 'nop',
  // iced leaves out the letter for 16 bits, or for 32 where the usual size is 64.
  iret: 'iretw',
  pusha: 'pushaw',
  popa: 'popaw',
  pushf: 'pushfw',
  popf: 'popfw',
  sysexit: 'sysexitd',
  sysret: 'sysretd',
  // Ports are at most 32 bits wide, and REX.W changes nothing.
  insq: 'insd',
  outsq: 'outsd',
  wbnoinvd: 'wbinvd',
  // 0F 0D with the reserved extensions.
  prefetchw: 'prefetch',
  prefetchwt1: 'prefetch',
};

export interface Seen {
  readonly length: number;
  readonly mnemonic: string;
  readonly operands: readonly string[];
  readonly code: string;
}

const codes: string[] = [];
for (const [name, value] of Object.entries(iced.Code)) if (typeof value === 'number') codes[value] = name;

const sources: Readonly<Record<number, number>> = {
  [iced.OpKind.MemorySegSI]: 16,
  [iced.OpKind.MemorySegESI]: 32,
  [iced.OpKind.MemorySegRSI]: 64,
};
const targets: Readonly<Record<number, number>> = {
  [iced.OpKind.MemoryESDI]: 16,
  [iced.OpKind.MemoryESEDI]: 32,
  [iced.OpKind.MemoryESRDI]: 64,
};

/** What iced sees; `undefined` where it sees no instruction. */
export function icedSees(bytes: Uint8Array, bits: 16 | 32 | 64, rip: bigint, options: number): Seen | undefined {
  const decoder = new iced.Decoder(bits, bytes, options);
  decoder.ip = rip;
  const instruction = decoder.decode();
  try {
    if (instruction.isInvalid) return undefined;
    const operands: string[] = [];
    for (let n = 0; n < instruction.opCount; n++) {
      const kind = instruction.opKind(n);
      if (kind === iced.OpKind.Register) operands.push(icedRegister(instruction.opRegister(n)));
      else if (kind === iced.OpKind.Memory) operands.push(icedMemory(instruction, bits));
      else if (kind in sources) operands.push(`${icedSegment(instruction, bits)}:source${sources[kind]}`);
      else if (kind in targets) operands.push(`target${targets[kind]}`);
      else if (
        kind === iced.OpKind.MemorySegDI ||
        kind === iced.OpKind.MemorySegEDI ||
        kind === iced.OpKind.MemorySegRDI
      ) {
        // MASKMOVQ and MASKMOVDQU: implied by the name.
      } else if (kind <= iced.OpKind.NearBranch64) operands.push(`to ${hex(instruction.nearBranchTarget)}`);
      else if (kind === iced.OpKind.FarBranch16 || kind === iced.OpKind.FarBranch32) {
        const offset = kind === iced.OpKind.FarBranch16 ? instruction.farBranch16 : instruction.farBranch32;
        operands.push(hex(BigInt(offset)), hex(BigInt(instruction.farBranchSelector)));
      } else operands.push(hex(immediate(instruction, n, kind)));
    }
    const mnemonic = mnemonics[instruction.mnemonic];
    return {
      length: instruction.length,
      mnemonic: renamed[mnemonic] ?? mnemonic,
      operands,
      code: codes[instruction.code],
    };
  } finally {
    instruction.free();
    decoder.free();
  }
}

const immediateBits: Readonly<Record<number, number>> = {
  [iced.OpKind.Immediate8]: 8,
  [iced.OpKind.Immediate8_2nd]: 8,
  [iced.OpKind.Immediate16]: 16,
  [iced.OpKind.Immediate32]: 32,
  [iced.OpKind.Immediate64]: 64,
  [iced.OpKind.Immediate8to16]: 16,
  [iced.OpKind.Immediate8to32]: 32,
  [iced.OpKind.Immediate8to64]: 64,
  [iced.OpKind.Immediate32to64]: 64,
};
const immediate = (instruction: iced.Instruction, n: number, kind: number): bigint =>
  BigInt.asUintN(immediateBits[kind], instruction.immediate(n));

/** In 64-bit mode the other segments are all the same. */
function icedSegment(instruction: iced.Instruction, bits: number): string {
  const named = icedRegister(instruction.memorySegment);
  return bits === 64 && !/^[fg]s$/.test(named) ? 'flat' : named;
}

function icedMemory(instruction: iced.Instruction, bits: number): string {
  const segment = icedSegment(instruction, bits);
  const base = instruction.memoryBase;
  const rip = base === iced.Register.RIP || base === iced.Register.EIP;
  const index = instruction.memoryIndex;
  const isVector = index !== 0 && /^[xy]mm/.test(icedRegister(index));
  const size = instruction.memoryDisplSize;
  const width = base
    ? /^(r|mm)/.test(icedRegister(base)) && !/[dw]$/.test(icedRegister(base))
      ? 64
      : /^e|d$/.test(icedRegister(base))
        ? 32
        : 16
    : isVector
      ? bits
      : index
        ? /^e|d$/.test(icedRegister(index))
          ? 32
          : 64
        : size === 8
          ? 64
          : size === 2
            ? 16
            : bits === 64 && size === 4 && instruction.memoryDisplacement >> 32n
              ? 64
              : size * 8;
  const displacement = rip ? instruction.memoryDisplacement - instruction.nextIP : instruction.memoryDisplacement;
  return memoryText(
    segment,
    rip ? (base === iced.Register.RIP ? 'rip' : 'eip') : base ? icedRegister(base) : '',
    index ? icedRegister(index) : '',
    instruction.memoryIndexScale,
    displacement,
    rip ? 32 : width || 64,
  );
}

const join = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);

/** What our decoder sees. */
export function weSee(decoded: Decoded, length: number, rip: bigint): Seen {
  const { row, size } = opcodeMap().variants[decoded.variant]!;
  const { instruction } = row;
  const mnemonic = mnemonicOf(instruction, size, decoded.addressWidth);
  const implicit = implicitOperands(stringStem(instruction.name), decoded, mnemonic);
  if (implicit) return { length, mnemonic: renamed[mnemonic] ?? mnemonic, operands: implicit, code: row.text };
  const operands = decoded.form!.operands.flatMap(({ kind, width }, n) => {
    // A vector that is an index is part of the memory operand.
    if (row.operands[n].method === 'X') return [];
    const register = decoded.registers[n];
    switch (kind) {
      case 'general':
        return generalName(register, width);
      case 'xmm':
        return xmmName(register, width);
      case 'mmx':
        return mmxName(register);
      case 'segment':
        return segments[register];
      case 'control':
        return `cr${register}`;
      case 'debug':
        return `dr${register}`;
      case 'st':
        return `st(${register})`;
      case 'st0':
        return 'st(0)';
      case 'one':
        return '1';
      case 'memory':
        return ourMemory(decoded);
      case 'relative':
        return `to ${hex(BigInt.asUintN(width, rip + BigInt(length) + join(decoded.immediateLow, decoded.immediateHigh)))}`;
      case 'immediate': {
        const second = decoded.form!.operands.slice(0, n).some(operand => operand.kind === 'immediate');
        return hex(
          second
            ? BigInt(decoded.displacementLow)
            : BigInt.asUintN(64, join(decoded.immediateLow, decoded.immediateHigh)),
        );
      }
      default:
        return kind;
    }
  });
  return { length, mnemonic: renamed[mnemonic] ?? mnemonic, operands, code: row.text };
}

const ourSegment = (decoded: Decoded): string =>
  opcodeMap().variants[decoded.variant]!.code64 && decoded.segment < 4 ? 'flat' : segments[decoded.segment]!;

/** String instructions and XLAT have no operands in our rows; iced lists them. */
function implicitOperands(stem: string, decoded: Decoded, mnemonic: string): string[] | undefined {
  if (decoded.opcode > 0xff) return undefined;
  const width = decoded.addressWidth;
  const source = `${ourSegment(decoded)}:source${width}`;
  const target = `target${width}`;
  const bits = { b: 8, w: 16, d: 32, q: 64 }[mnemonic.at(-1)!] ?? 8;
  const accumulator = generalName(0, bits);
  switch (stem) {
    case 'movs':
      return [target, source];
    case 'cmps':
      return [source, target];
    case 'stos':
      return [target, accumulator];
    case 'lods':
      return [accumulator, source];
    case 'scas':
      return [accumulator, target];
    case 'ins':
      return [target, 'dx'];
    case 'outs':
      return ['dx', source];
    case 'xlat':
      return [memoryText(ourSegment(decoded), generalName(3 * 8, width), 'al', 1, 0n, width)];
    default:
      return undefined;
  }
}

const ours = new Set(
  opcodeMap().rows.flatMap(({ instruction, operands }) =>
    [instruction.name, ...Object.values(instruction.mnemonics ?? {})].map(
      name => `${name} ${operands.some(({ kind }) => kind === 'xmm' || kind === 'mmx')}`,
    ),
  ),
);
/** Whether rows of ours have that name: MOVSD is a string instruction and an SSE2 one. */
export const implemented = ({ mnemonic, operands, code }: Seen): boolean =>
  // AMD processors fault on PREFETCH with a register (seen on hardware), where iced follows Intel's.
  !code.endsWith('_0F0D') &&
  !code.startsWith('EVEX_') &&
  ours.has(`${mnemonic} ${operands.some(name => /^[xy]?mm\d/.test(name))}`);

/** A few bits from or to a register: iced names all of it that the operand size says, we what is read or written. */
const partial = /^(lldt|ltr|lmsw|verr|verw|arpl|lar|lsl|mov|v?movmskp[sd]|v?pmovmskb|v?p(ins|ext)rw)$/;
const narrow = (register: string): string =>
  /^r\d+[dw]?$/.test(register) ? register.replace(/[dw]?$/, 'w') : register.replace(/^[re](\w\w)$/, '$1');

export function agree(mine: Seen, other: Seen): boolean {
  if (mine.length !== other.length || mine.mnemonic !== other.mnemonic) return false;
  // What the second operand of a hint is called does not matter.
  if (mine.mnemonic === 'nop') return mine.operands[0] === other.operands[0];
  // Both comparisons and exchanges are with ST(0), which iced says and assemblers leave out.
  if (/^f(u?comp?|xch)$/.test(mine.mnemonic) && mine.operands.length === 1 && other.operands.length === 2) {
    return other.operands[0] === 'st(0)' && mine.operands[0] === other.operands[1];
  }
  const anyWidth = partial.test(mine.mnemonic) && (mine.mnemonic !== 'mov' || /^mov \[8e/.test(mine.code));
  const plain = anyWidth ? narrow : (text: string) => text;
  return mine.operands.map(plain).join() === other.operands.map(plain).join();
}

function vectorIndex(decoded: Decoded): string {
  const { row } = opcodeMap().variants[decoded.variant]!;
  const at = row.operands.findIndex(({ method }) => method === 'X');
  return at < 0 ? '' : xmmName(decoded.registers[at], decoded.form!.operands[at].width);
}

function ourMemory(decoded: Decoded): string {
  const { base, index, addressWidth } = decoded;
  const none = state.zero.offset;
  const vector = vectorIndex(decoded);
  const bare = base === none && index === none && !decoded.ripRelative && vector === '';
  const displacement = join(decoded.displacementLow, decoded.displacementHigh);
  return memoryText(
    ourSegment(decoded),
    decoded.ripRelative ? (addressWidth === 64 ? 'rip' : 'eip') : base === none ? '' : generalName(base, addressWidth),
    index === none ? vector : generalName(index, addressWidth),
    1 << decoded.scale,
    displacement,
    bare && addressWidth === 64 && displacement >= 0n && displacement < 1n << 31n
      ? 32
      : decoded.ripRelative
        ? 32
        : addressWidth,
  );
}
