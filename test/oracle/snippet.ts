/** Builds one case: collects lines of assembly and chooses the state before so that they do something worth recording. */
import type { Case, Patch, Precision, State } from './case.ts';
import { quietState } from './encoding.ts';
import { codeBase, flagBits, flagsFloor, fxOffsets, regions, registerNames, statusFlags } from './machine.ts';
import { littleEndian, type Random } from './random.ts';

export type Size = 8 | 16 | 32 | 64;

/** Thrown when a random choice leads nowhere; the generator tries again. */
export class Retry extends Error {}

export interface FlagUse {
  readonly undefined?: number;
  readonly writes?: number;
  readonly reads?: number;
}

export interface MemoryOptions {
  readonly align?: number;
  /** Contents; random integers of the operand's size if absent. */
  readonly value?: bigint | Uint8Array;
  /** A fixed place instead of a random one. */
  readonly address?: number;
  /** No addresses outside mapped memory. */
  readonly safe?: boolean;
}

const names: Record<Size, readonly string[]> = {
  64: registerNames,
  32: [
    ...['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'],
    ...[8, 9, 10, 11, 12, 13, 14, 15].map(n => `r${n}d`),
  ],
  16: [...['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'], ...[8, 9, 10, 11, 12, 13, 14, 15].map(n => `r${n}w`)],
  8: [...['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'], ...[8, 9, 10, 11, 12, 13, 14, 15].map(n => `r${n}b`)],
};

const widths: Record<number, string> = {
  ...{ 1: 'byte', 2: 'word', 4: 'dword', 8: 'qword', 10: 'tbyte', 16: 'xmmword', 32: 'ymmword' },
};

export const hex = (value: bigint | number): string =>
  value < 0 ? `-0x${(-BigInt(value)).toString(16)}` : `0x${value.toString(16)}`;

const rsp = 4;

export class Snippet {
  readonly lines: string[] = [];
  readonly before: State;
  readonly random: Random;
  readonly mode: 32 | 64;
  rflags: number;
  precision: Precision = 'exact';
  readonly ignored: { address: number; length: number }[] = [];
  /** Looks at the recorded case once more: some judgements depend on the result. */
  readonly reviews: ((made: Case) => Partial<Case>)[] = [];
  /** Makes the next instructions use AH … BH instead of what needs a REX prefix. */
  legacyBytes = false;
  stackMoved = false;
  /** Whether the x87 or SSE registers have been filled. */
  fxChosen = false;
  mxcsrChosen = false;
  /** Vector registers with chosen contents: XMM by number, MMX from 16. */
  readonly vectors = new Set<number>();
  #undefinedFlags = 0;
  #everUndefined = 0;
  #undefinedStatus = 0;
  #everUndefinedStatus = 0;
  readonly #patches: Patch[] = [];
  readonly #role: ('value' | 'address' | undefined)[] = [];

  constructor(random: Random, mode: 32 | 64) {
    this.random = random;
    this.mode = mode;
    this.before = quietState(mode);
    this.rflags = flagsFloor | (random.word() & statusFlags) | (random.chance(0.05) ? flagBits.df : 0);
    const top = regions.stack.base + 0x800 + random.below(16) * 8;
    this.before.gpr[rsp] = BigInt(top);
    this.#role[rsp] = 'address';
  }

  get stackTop(): number {
    return Number(this.before.gpr[rsp]);
  }

  request(): Pick<Case, 'mode' | 'before' | 'memory'> {
    return { mode: this.mode, before: { ...this.before, rflags: this.rflags }, memory: this.#patches };
  }

  judgement(): Pick<Case, 'undefinedFlags' | 'undefinedStatus' | 'precision' | 'ignored'> {
    const { precision, ignored } = this;
    return { undefinedFlags: this.#undefinedFlags, undefinedStatus: this.#undefinedStatus, precision, ignored };
  }

  review(recorded: Case): Case {
    // After a fault, what would have defined the flags again may not have been reached.
    const unreached = { undefinedFlags: this.#everUndefined, undefinedStatus: this.#everUndefinedStatus };
    const made = recorded.fault ? { ...recorded, ...unreached } : recorded;
    return Object.assign({}, made, ...this.reviews.map(review => review(made)));
  }

  emit(line: string, { undefined: lost = 0, writes = 0, reads = 0 }: FlagUse = {}): void {
    if (reads & this.#undefinedFlags) throw new Retry();
    this.#undefinedFlags = (this.#undefinedFlags & ~writes) | lost;
    this.#everUndefined |= lost;
    this.lines.push(line);
  }

  /** The same bookkeeping for the condition codes of the x87 status word. */
  status({ undefined: lost = 0, writes = 0, reads = 0 }: FlagUse): void {
    if (reads & this.#undefinedStatus) throw new Retry();
    this.#undefinedStatus = (this.#undefinedStatus & ~writes) | lost;
    this.#everUndefinedStatus |= lost;
  }

  /** One of `sizes` that exists in this mode. */
  size(...sizes: Size[]): Size {
    return this.random.pick(this.mode === 64 ? sizes : sizes.filter(size => size < 64));
  }

  get registerCount(): number {
    return this.mode === 64 ? 16 : 8;
  }

  set(index: number, value: bigint): void {
    this.before.gpr[index] = BigInt.asUintN(this.mode, value);
  }

  /** Where a value comes from or goes to. Written registers are never ones that addresses are made of. */
  register(size: Size, access: 'read' | 'write' = 'write', value?: bigint): string {
    const { random } = this;
    const high = this.legacyBytes && size === 8;
    for (let attempt = 0; attempt < 40; attempt++) {
      const index = high
        ? random.below(4)
        : random.below(this.mode === 64 && !this.legacyBytes ? 16 : size === 8 && this.mode === 32 ? 4 : 8);
      const role = this.#role[index];
      if (value !== undefined && role) continue;
      if (role === 'address' && !(access === 'read' && random.chance(0.1))) continue;
      if (!role) {
        this.#role[index] = 'value';
        this.set(index, this.#wide(size, value));
      }
      if (!high || random.chance(0.3)) return names[size][index];
      if (value !== undefined) this.set(index, this.before.gpr[index] << 8n);
      return ['ah', 'ch', 'dh', 'bh'][index];
    }
    throw new Retry();
  }

  /** Claims a particular register; with a value only if nothing has used it yet. */
  claim(index: number, size: Size = 64, value?: bigint): string {
    const role = this.#role[index];
    if (role === 'address' || (role && value !== undefined)) throw new Retry();
    if (!role) {
      this.#role[index] = 'value';
      this.set(index, this.#wide(size, value));
    }
    return names[size][index];
  }

  name(index: number, size: Size): string {
    return names[size][index];
  }

  /** A value of `size` bits under random upper bits. */
  #wide(size: Size, value: bigint | undefined): bigint {
    const low = value === undefined ? this.random.integer(size) : BigInt.asUintN(size, value);
    if (size === this.mode) return low;
    if (value === undefined && size === 8 && this.random.chance(0.5)) return this.random.integer(this.mode);
    return ((this.random.bits(this.mode) >> BigInt(size)) << BigInt(size)) | low;
  }

  /** A register holding an address, kept out of the way of results. */
  #addressRegister(value: bigint, width: 32 | 64): string {
    for (let attempt = 0; attempt < 40; attempt++) {
      const index = this.random.below(this.mode === 64 && !this.legacyBytes ? 16 : 8);
      if (this.#role[index]) continue;
      this.#role[index] = 'address';
      const junk = width < this.mode ? this.random.bits(32) << 32n : 0n;
      this.set(index, BigInt.asUintN(width, value) | junk);
      return names[width][index];
    }
    throw new Retry();
  }

  patch(address: number, bytes: Uint8Array): void {
    this.#patches.push({ address, bytes });
  }

  /** Random integers, as wide as the operands that will read them. */
  contents(bytes: number): Uint8Array {
    const unit = Math.min(bytes, 8);
    const out = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += unit)
      out.set(littleEndian(this.random.integer(unit * 8), unit).subarray(0, bytes - at), at);
    return out;
  }

  /** Where the next memory operand lies: usually in the data pages, sometimes across their seam, seldom outside. */
  place(bytes: number, { align = 1, safe = false }: MemoryOptions = {}): { address: bigint; mapped: boolean } {
    const { base, size } = regions.data;
    const { random } = this;
    const kind = random.below(100);
    if (kind < 2 && !safe)
      return { address: BigInt(base + size - (bytes > 1 ? random.between(1, bytes - 1) : 0)), mapped: false };
    if (kind < 3 && !safe) return { address: BigInt(base + size + random.below(0x1000)), mapped: false };
    const seam = base + 0x1000 - random.below(bytes + 1);
    const anywhere = base + random.below(size - bytes - 0x40) + 0x20;
    const address = kind < 10 ? seam : anywhere;
    return { address: BigInt(address - (address % align)), mapped: true };
  }

  /** A memory operand of `bytes` bytes: its text, with contents put where it points. */
  memory(bytes: number, options: MemoryOptions = {}): string {
    const { value } = options;
    const chosen =
      options.address === undefined ? this.place(bytes, options) : { address: BigInt(options.address), mapped: true };
    if (chosen.mapped) {
      const contents =
        value === undefined ? this.contents(bytes) : typeof value === 'bigint' ? littleEndian(value, bytes) : value;
      this.patch(Number(chosen.address), contents);
    }
    return `${widths[bytes] ? `${widths[bytes]} ptr ` : ''}${this.address(chosen.address)}`;
  }

  /** One of the many ways to say an address. */
  address(target: bigint): string {
    const { random } = this;
    if (this.mode === 32) return this.#addressFromRegisters(target, 32);
    const kind = random.below(20);
    const far = target > 0x7fff_ffffn;
    if (kind === 0 && !far) return `ds:${hex(target)}`;
    if (kind === 1 && !far) return `[rip + 7777b + ${hex(target - BigInt(codeBase))}]`;
    return this.#addressFromRegisters(target, kind < 5 && !far ? 32 : 64);
  }

  #addressFromRegisters(target: bigint, width: 32 | 64): string {
    const { random } = this;
    const displacement = random.pick([
      0n,
      BigInt(random.between(-128, 127)),
      BigInt(random.word() | 0) >> BigInt(random.below(24)),
    ]);
    const sign = displacement < 0n ? '-' : '+';
    const tail = displacement === 0n ? '' : ` ${sign} ${hex(displacement < 0n ? -displacement : displacement)}`;
    if (random.chance(0.55)) return `[${this.#addressRegister(target - displacement, width)}${tail}]`;
    const scale = random.pick([1n, 2n, 4n, 8n]);
    const index = random.chance(0.7) ? BigInt(random.between(-40, 300)) : BigInt.asIntN(width, random.integer(width));
    const indexName = this.#addressRegister(index, width);
    if (random.chance(0.1)) {
      const rest = target - index * scale;
      if (BigInt.asIntN(32, rest) === rest)
        return `[${indexName}*${scale} ${rest < 0n ? '-' : '+'} ${hex(rest < 0n ? -rest : rest)}]`;
    }
    const base = this.#addressRegister(target - displacement - index * scale, width);
    return `[${base} + ${indexName}*${scale}${tail}]`;
  }

  /** An address expression that is only computed, over registers that hold anything. */
  expression(): string {
    const { random } = this;
    const width: Size = this.mode === 32 || random.chance(0.25) ? 32 : 64;
    const displacement = random.chance(0.3) ? 0 : random.word() | 0;
    const tail = displacement
      ? ` ${displacement < 0 ? '-' : '+'} ${hex(Math.abs(random.chance(0.5) ? displacement >> 24 : displacement))}`
      : '';
    const kind = random.below(8);
    if (kind < 2) return `[${this.register(width, 'read')}${tail}]`;
    const index = this.#notStack(width);
    if (kind === 2) return `[${index}*${random.pick([2, 4, 8])}${tail}]`;
    return `[${this.register(width, 'read')} + ${index}*${random.pick([1, 2, 4, 8])}${tail}]`;
  }

  #notStack(width: Size): string {
    for (let attempt = 0; attempt < 20; attempt++) {
      const name = this.register(width, 'read');
      if (name !== names[width][rsp]) return name;
    }
    throw new Retry();
  }

  /** A signed immediate that fits `size` (at most 32 bits). */
  immediate(size: Size): string {
    const bits = size === 64 ? 32 : size;
    if (this.random.chance(0.4)) return hex(this.random.between(-128, 127));
    const value = this.random.integer(bits);
    return hex(size === 64 ? BigInt.asIntN(32, value) : this.random.chance(0.5) ? BigInt.asIntN(bits, value) : value);
  }

  /** Register or memory, as ModR/M has it. */
  operand(size: Size, access: 'read' | 'write', options: MemoryOptions = {}): { text: string; memory: boolean } {
    if (this.random.chance(0.55)) {
      const value = typeof options.value === 'bigint' ? options.value : undefined;
      return { text: this.register(size, access, value), memory: false };
    }
    return { text: this.memory(size / 8, options), memory: true };
  }

  setFx(offset: number, bytes: Uint8Array): void {
    this.before.fx.set(bytes, offset);
  }

  setControlWord(value: number): void {
    new DataView(this.before.fx.buffer).setUint16(fxOffsets.fcw, value, true);
  }

  setStatusWord(value: number): void {
    new DataView(this.before.fx.buffer).setUint16(fxOffsets.fsw, value, true);
  }

  setMxcsr(value: number): void {
    new DataView(this.before.fx.buffer).setUint32(fxOffsets.mxcsr, value, true);
  }
}

export interface Template {
  readonly name: string;
  /** How often it comes up against the others; 1 if absent. */
  readonly share?: number;
  /** Can it stand among other instructions? */
  readonly alone?: boolean;
  make(snippet: Snippet): void;
}
