/**
 * The recorded files: a header, then cases, as bytes under Brotli. Numbers are LEB128; a state is written as its difference from
 * another (before: from the quiet state below; after: from before), so a case takes about a hundred bytes before compression.
 */
import { type Case, mnemonicsOf, type Patch, precisions, type Recording, type State } from './case.ts';
import { codeBase, flagsFloor, fxOffsets, initialFx } from './machine.ts';

const magic = 'virt64 oracle 1\n';

/** A register that no one set: recognisable, and different from its neighbours. */
export const quietRegister = (index: number): bigint => 0x0101_0101_0101_0101n * BigInt(0xa0 + index);

export const quietState = (mode: 32 | 64): State => ({
  gpr: BigUint64Array.from({ length: 16 }, (_, i) =>
    mode === 64 ? quietRegister(i) : quietRegister(i) & 0xffff_ffffn,
  ),
  rip: BigInt(codeBase),
  rflags: flagsFloor,
  fx: initialFx(),
});

export class ByteWriter {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;

  byte(value: number): void {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(this.#length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#length++] = value;
  }

  number(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.byte((rest % 128) | 0x80);
    this.byte(rest);
  }

  raw(bytes: Uint8Array): void {
    for (const byte of bytes) this.byte(byte);
  }

  bytes(bytes: Uint8Array): void {
    this.number(bytes.length);
    this.raw(bytes);
  }

  text(text: string): void {
    this.bytes(new TextEncoder().encode(text));
  }

  quad(value: bigint): void {
    for (let shift = 0n; shift < 64n; shift += 8n) this.byte(Number((value >> shift) & 0xffn));
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

export class ByteReader {
  #at = 0;

  constructor(readonly source: Uint8Array) {}

  byte(): number {
    return this.source[this.#at++];
  }

  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  raw(length: number): Uint8Array {
    return this.source.slice(this.#at, (this.#at += length));
  }

  bytes(): Uint8Array {
    return this.raw(this.number());
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }

  quad(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 64n; shift += 8n) value |= BigInt(this.byte()) << shift;
    return value;
  }
}

/**
 * FXSAVE images are compared in slots of 16 bytes, one bit each; the last six are never used. One bit more says that there are slots of upper halves of
 * YMM registers, too.
 */
const slots = 26;
const upperSlots = { first: fxOffsets.ymmHigh / 16, count: 16, bit: 1 << slots } as const;

const writeState = (out: ByteWriter, state: State, reference: State): void => {
  let registers = 0;
  for (let i = 0; i < 16; i++) if (state.gpr[i] !== reference.gpr[i]) registers |= 1 << i;
  const changed = (slot: number) => {
    for (let i = slot * 16; i < slot * 16 + 16; i++) if (state.fx[i] !== reference.fx[i]) return true;
    return false;
  };
  let vectors = 0;
  for (let slot = 0; slot < slots; slot++) if (changed(slot)) vectors |= 1 << slot;
  let upper = 0;
  for (let n = 0; n < upperSlots.count; n++) if (changed(upperSlots.first + n)) upper |= 1 << n;
  out.number(registers);
  out.number(upper ? vectors | upperSlots.bit : vectors);
  if (upper) out.number(upper);
  out.number(state.rflags);
  for (let i = 0; i < 16; i++) if (registers & (1 << i)) out.quad(state.gpr[i]);
  for (let slot = 0; slot < slots; slot++)
    if (vectors & (1 << slot)) out.raw(state.fx.subarray(slot * 16, slot * 16 + 16));
  for (let n = 0; n < upperSlots.count; n++)
    if (upper & (1 << n)) out.raw(state.fx.subarray((upperSlots.first + n) * 16).subarray(0, 16));
};

const readState = (from: ByteReader, reference: State, rip: bigint): State => {
  const registers = from.number();
  const vectors = from.number();
  const upper = vectors & upperSlots.bit ? from.number() : 0;
  const state: State = { gpr: reference.gpr.slice(), rip, rflags: from.number(), fx: reference.fx.slice() };
  for (let i = 0; i < 16; i++) if (registers & (1 << i)) state.gpr[i] = from.quad();
  for (let slot = 0; slot < slots; slot++) if (vectors & (1 << slot)) state.fx.set(from.raw(16), slot * 16);
  for (let n = 0; n < upperSlots.count; n++)
    if (upper & (1 << n)) state.fx.set(from.raw(16), (upperSlots.first + n) * 16);
  return state;
};

const writePatches = (out: ByteWriter, patches: readonly Patch[]): void => {
  out.number(patches.length);
  for (const { address, bytes } of patches) {
    out.number(address);
    out.bytes(bytes);
  }
};

const readPatches = (from: ByteReader): Patch[] =>
  Array.from({ length: from.number() }, () => ({ address: from.number(), bytes: from.bytes() }));

export const writeHeader = (out: ByteWriter, { processor, seed, count }: Recording): void => {
  out.raw(new TextEncoder().encode(magic));
  out.text(processor);
  out.number(seed);
  out.number(count);
};

export const readHeader = (from: ByteReader): Recording => {
  const found = new TextDecoder().decode(from.raw(magic.length));
  if (found !== magic) throw new Error(`not a recording of instructions (expected "${magic.trim()}")`);
  return { processor: from.text(), seed: from.number(), count: from.number() };
};

/** The processor is the recording's. */
type Stored = Omit<Case, 'vendor'>;

export const writeCase = (out: ByteWriter, item: Stored): void => {
  out.text(item.text);
  out.bytes(item.bytes);
  out.byte(item.mode);
  out.number(item.undefinedFlags);
  out.number(item.undefinedStatus);
  out.byte(precisions.indexOf(item.precision));
  out.number(item.ignored.length);
  for (const { address, length } of item.ignored) {
    out.number(address);
    out.number(length);
  }
  writeState(out, item.before, quietState(item.mode));
  writePatches(out, item.memory);
  out.number(item.fault ? item.fault.vector + 1 : 0);
  if (item.fault) {
    out.number(item.fault.error);
    out.quad(item.fault.address);
  }
  out.number(Number(item.after.rip) - codeBase);
  writeState(out, item.after, item.before);
  writePatches(out, item.memoryAfter);
};

export const readCase = (from: ByteReader): Stored => {
  const text = from.text();
  const bytes = from.bytes();
  const mode = from.byte() as 32 | 64;
  const undefinedFlags = from.number();
  const undefinedStatus = from.number();
  const precision = precisions[from.byte()];
  const ignored = Array.from({ length: from.number() }, () => ({ address: from.number(), length: from.number() }));
  const before = readState(from, quietState(mode), BigInt(codeBase));
  const memory = readPatches(from);
  const outcome = from.number();
  const fault = outcome ? { vector: outcome - 1, error: from.number(), address: from.quad() } : undefined;
  const rip = BigInt(codeBase + from.number());
  const after = readState(from, before, rip);
  const memoryAfter = readPatches(from);
  return {
    ...{ text, bytes, mode, mnemonics: mnemonicsOf(text), before, memory, after, memoryAfter },
    ...{ fault, undefinedFlags, undefinedStatus, precision, ignored },
  };
};
