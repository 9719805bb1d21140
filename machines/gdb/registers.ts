/**
 * The registers of a processor as gdb numbers and names them (GDB manual, appendix G.5.6), and their description for it. The layout is that of
 * x86-64 in every mode, so that one session lasts through all of them. Outside of 64-bit code `rip` is the linear address of the instruction, which is
 * what breakpoints and memory are about; a debugger knows no segments.
 */
import { instructionAddress, type VirtualProcessor } from '#accelerators';
import type { CpuState, CpuStateChange } from '#core';

/** What registers are made of. */
export type RegisterState = Pick<CpuState, 'general' | 'segments' | 'controls' | 'msrs' | 'fpu'>;

interface Register {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly type: string;
  read(state: RegisterState): bigint;
  /** undefined: it cannot be written so. */
  write(state: RegisterState, value: bigint): CpuStateChange | undefined;
}

interface Feature {
  readonly name: string;
  readonly registers: readonly Register[];
}

const general = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp'] as const;
/** Where gdb's order finds them in that of encodings. */
const encoded: readonly number[] = [0, 3, 1, 2, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15];

const generalRegister = (name: string, index: number): Register => ({
  name,
  size: 8,
  type: name === 'rsp' || name === 'rbp' ? 'data_ptr' : 'int64',
  read: ({ general: { registers } }) => registers[encoded[index]],
  write: ({ general }, value) => ({
    general: { ...general, registers: general.registers.with(encoded[index], value) },
  }),
});

const instructionPointer: Register = {
  name: 'rip',
  size: 8,
  type: 'code_ptr',
  read: instructionAddress,
  write(state, value) {
    const { general } = state;
    const base = instructionAddress(state) - general.rip;
    const rip = base === 0n ? value : BigInt.asUintN(32, value - base);
    return { general: { ...general, rip } };
  },
};

const flags: Register = {
  name: 'eflags',
  size: 4,
  type: 'i386_eflags',
  read: ({ general: { rflags } }) => rflags,
  write: ({ general }, rflags) => ({ general: { ...general, rflags } }),
};

/** A selector alone has no meaning outside of real mode; there it moves the segment. */
const selector = (name: 'cs' | 'ss' | 'ds' | 'es' | 'fs' | 'gs'): Register => ({
  name,
  size: 4,
  type: 'int32',
  read: ({ segments }) => BigInt(segments[name].selector),
  write({ segments, controls: { cr0 } }, value) {
    if (value > 0xffffn) return undefined;
    const real = (cr0 & 1n) === 0n;
    const segment = { ...segments[name], selector: Number(value), ...(real ? { base: value << 4n } : {}) };
    return { segments: { ...segments, [name]: segment } };
  },
});

/** A part of the image that FXSAVE64 writes (SDM vol. 1, table 10-2). */
const image = (name: string, type: string, offset: number, size: number, width = size): Register => ({
  name,
  size: width,
  type,
  read: ({ fpu }) => readLittle(fpu, offset, size),
  write({ fpu }, value) {
    const changed = fpu.slice();
    writeLittle(changed, offset, size, value);
    return { fpu: changed };
  },
});

/** The tag word, of which the image has a bit for each register: empty or not. What is in the full ones is looked up. */
const tags: Register = {
  name: 'ftag',
  size: 4,
  type: 'int',
  read({ fpu }) {
    const top = (fpu[3] >> 3) & 7;
    let word = 0;
    for (let physical = 0; physical < 8; physical++) {
      const full = (fpu[4] >> physical) & 1;
      word |= (full ? tagOf(readLittle(fpu, 32 + 16 * ((physical - top) & 7), 10)) : 3) << (2 * physical);
    }
    return BigInt(word);
  },
  write({ fpu }, value) {
    const changed = fpu.slice();
    changed[4] = 0;
    for (let n = 0; n < 8; n++) if (((value >> BigInt(2 * n)) & 3n) !== 3n) changed[4] |= 1 << n;
    return { fpu: changed };
  },
};

/** 0 valid, 1 zero, 2 special (SDM vol. 1, 8.1.7). */
function tagOf(value: bigint): number {
  const exponent = Number((value >> 64n) & 0x7fffn);
  const significand = BigInt.asUintN(64, value);
  if (exponent === 0) return significand === 0n ? 1 : 2;
  return exponent === 0x7fff || significand >> 63n === 0n ? 2 : 0;
}

const base = (name: 'fs' | 'gs'): Register => ({
  name: `${name}_base`,
  size: 8,
  type: 'int64',
  read: ({ segments }) => segments[name].base,
  write: ({ segments }, value) => ({ segments: { ...segments, [name]: { ...segments[name], base: value } } }),
});

const control = (name: 'cr0' | 'cr2' | 'cr3' | 'cr4' | 'cr8'): Register => ({
  name,
  size: 8,
  type: 'int64',
  read: ({ controls }) => controls[name],
  write: ({ controls }, value) => ({ controls: { ...controls, [name]: value } }),
});

const msr = (name: string, field: 'kernelGsBase' | 'efer'): Register => ({
  name,
  size: 8,
  type: 'int64',
  read: ({ msrs }) => msrs[field],
  write: ({ msrs: { tsc: _, ...msrs } }, value) => ({ msrs: { ...msrs, [field]: value } }),
});

const core: readonly Register[] = [
  ...[...general, 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'].map(generalRegister),
  instructionPointer,
  flags,
  ...(['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const).map(selector),
  ...Array.from({ length: 8 }, (_, n) => image(`st${n}`, 'i387_ext', 32 + 16 * n, 10)),
  image('fctrl', 'int', 0, 2, 4),
  image('fstat', 'int', 2, 2, 4),
  tags,
  image('fiseg', 'int', 12, 2, 4),
  image('fioff', 'int', 8, 4),
  image('foseg', 'int', 20, 2, 4),
  image('fooff', 'int', 16, 4),
  image('fop', 'int', 6, 2, 4),
];

const sse: readonly Register[] = [
  ...Array.from({ length: 16 }, (_, n) => image(`xmm${n}`, 'vec128', 160 + 16 * n, 16)),
  image('mxcsr', 'i386_mxcsr', 24, 4),
];

const features: readonly Feature[] = [
  { name: 'org.gnu.gdb.i386.core', registers: core },
  { name: 'org.gnu.gdb.i386.sse', registers: sse },
  { name: 'org.gnu.gdb.i386.segments', registers: [base('fs'), base('gs')] },
  {
    name: 'org.virt64.system',
    registers: [
      msr('k_gs_base', 'kernelGsBase'),
      ...(['cr0', 'cr2', 'cr3', 'cr4', 'cr8'] as const).map(control),
      msr('efer', 'efer'),
    ],
  },
];

const all: readonly Register[] = features.flatMap(({ registers }) => registers);
/** Those of a `g` packet: all of them, in the order of their numbers. */
export const registerCount = all.length;

export const stateOf = (processor: VirtualProcessor): RegisterState =>
  processor.getState('general', 'segments', 'controls', 'msrs', 'fpu');

/** undefined: there is no such register. */
export function readRegister(state: RegisterState, index: number): Uint8Array | undefined {
  const register = all[index];
  if (!register) return undefined;
  const bytes = new Uint8Array(register.size);
  writeLittle(bytes, 0, register.size, register.read(state));
  return bytes;
}

export function readRegisters(state: RegisterState): Uint8Array {
  const parts = all.map((_, index) => readRegister(state, index)!);
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** False: there is no such register, the bytes are not as many as it has, or it cannot be written so. Throws what the processor refuses. */
export function writeRegister(processor: VirtualProcessor, index: number, bytes: Uint8Array): boolean {
  const register = all[index];
  if (register?.size !== bytes.length) return false;
  const state = stateOf(processor);
  const value = readLittle(bytes, 0, bytes.length);
  if (value === readLittle(readRegister(state, index)!, 0, bytes.length)) return true;
  const change = register.write(state, value);
  if (change) processor.setState(change);
  return change !== undefined;
}

/** All of a `G` packet. */
export function writeRegisters(processor: VirtualProcessor, bytes: Uint8Array): boolean {
  let at = 0;
  return all.every(({ size }, index) => writeRegister(processor, index, bytes.subarray(at, (at += size))));
}

function readLittle(bytes: Uint8Array, offset: number, size: number): bigint {
  let value = 0n;
  for (let n = size - 1; n >= 0; n--) value = (value << 8n) | BigInt(bytes[offset + n]);
  return value;
}

function writeLittle(bytes: Uint8Array, offset: number, size: number, value: bigint): void {
  for (let n = 0; n < size; n++) bytes[offset + n] = Number((value >> BigInt(8 * n)) & 0xffn);
}

/** Bits of the flags as gdb names them: name and position. */
const flagBits = 'CF:0 PF:2 AF:4 ZF:6 SF:7 TF:8 IF:9 DF:10 OF:11 NT:14 RF:16 VM:17 AC:18 VIF:19 VIP:20 ID:21';
const mxcsrBits = 'IE:0 DE:1 ZE:2 OE:3 UE:4 PE:5 DAZ:6 IM:7 DM:8 ZM:9 OM:10 UM:11 PM:12 FZ:15';

const bitFields = (bits: string): string =>
  bits
    .split(' ')
    .map(field => field.split(':'))
    .map(([name, bit]) => `<field name="${name}" start="${bit}" end="${bit}"/>`)
    .join('');

const types: Readonly<Record<string, string>> = {
  'org.gnu.gdb.i386.core': `<flags id="i386_eflags" size="4">${bitFields(flagBits)}</flags>`,
  'org.gnu.gdb.i386.sse':
    '<vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/>' +
    '<vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/>' +
    '<vector id="v4i32" type="int32" count="4"/><vector id="v2i64" type="int64" count="2"/>' +
    '<union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>' +
    '<field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/>' +
    '<field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union>' +
    `<flags id="i386_mxcsr" size="4">${bitFields(mxcsrBits)}</flags>`,
};

const described = ({ name, registers }: Feature): string => {
  const lines = registers.map(
    ({ name: register, size, type }) => `<reg name="${register}" bitsize="${8 * size}" type="${type}"/>`,
  );
  return `<feature name="${name}">${types[name] ?? ''}\n${lines.join('\n')}\n</feature>`;
};

/** For gdb's qXfer:features:read. */
export const targetDescription = `<?xml version="1.0"?>
<!DOCTYPE target SYSTEM "gdb-target.dtd">
<target version="1.0">
<architecture>i386:x86-64</architecture>
${features.map(described).join('\n')}
</target>
`;
