/** The virtual machine control block (APM vol. 2, appendix B), in the host's physical memory. */
import type { HostMemory } from '#core';

/** Byte offsets of what the driver uses. */
export const Field = {
  interceptCr: 0x000,
  interceptDr: 0x004,
  interceptException: 0x008,
  interceptMisc1: 0x00c,
  interceptMisc2: 0x010,
  interceptMisc3: 0x014,
  iopmBase: 0x040,
  msrpmBase: 0x048,
  tscOffset: 0x050,
  asid: 0x058,
  tlbControl: 0x05c,
  virtualInterrupt: 0x060,
  interruptShadow: 0x068,
  exitCode: 0x070,
  exitInfo1: 0x078,
  exitInfo2: 0x080,
  exitInterruptInfo: 0x088,
  nestedControl: 0x090,
  eventInjection: 0x0a8,
  nestedCr3: 0x0b0,
  clean: 0x0c0,
  nextRip: 0x0c8,
  fetchedCount: 0x0d0,
  fetchedBytes: 0x0d1,

  es: 0x400,
  cs: 0x410,
  ss: 0x420,
  ds: 0x430,
  fs: 0x440,
  gs: 0x450,
  gdtr: 0x460,
  ldtr: 0x470,
  idtr: 0x480,
  tr: 0x490,
  cpl: 0x4cb,
  efer: 0x4d0,
  cr4: 0x548,
  cr3: 0x550,
  cr0: 0x558,
  dr7: 0x560,
  dr6: 0x568,
  rflags: 0x570,
  rip: 0x578,
  rsp: 0x5d8,
  rax: 0x5f8,
  star: 0x600,
  lstar: 0x608,
  cstar: 0x610,
  sfmask: 0x618,
  kernelGsBase: 0x620,
  sysenterCs: 0x628,
  sysenterEsp: 0x630,
  sysenterEip: 0x638,
  cr2: 0x640,
  pat: 0x668,
} as const;

/** Bits of the V_INTR word, low half; the vector is in the high half. */
export const VirtualInterrupt = { tprMask: 0x0f, irq: 1 << 8, ignoreTpr: 1 << 20, masking: 1 << 24 } as const;

export const TlbControl = { none: 0, flushAll: 1, flushGuest: 3 } as const;

/** Clean bits, by what they vouch for. */
export const Clean = {
  intercepts: 1,
  iopm: 2,
  asid: 4,
  tpr: 8,
  nested: 16,
  control: 32,
  debug: 64,
  tables: 128,
  segments: 256,
  cr2: 512,
  all: 0x1fff,
} as const;

/** Format of EVENTINJ and EXITINTINFO. */
export const EventBits = {
  typeInterrupt: 0 << 8,
  typeNmi: 2 << 8,
  typeException: 3 << 8,
  typeSoftware: 4 << 8,
  typeMask: 7 << 8,
  errorValid: 1 << 11,
  valid: 1 << 31,
} as const;

export class Vmcb {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #word: number;
  readonly #byte: number;

  constructor(
    memory: HostMemory,
    readonly physical: number,
  ) {
    this.#words = memory.words;
    this.#byte = memory.offset(physical);
    this.#word = this.#byte >>> 2;
    this.#bytes = new Uint8Array(memory.words.buffer, this.#byte, 4096);
  }

  low(field: number): number {
    return this.#words[this.#word + (field >>> 2)];
  }
  high(field: number): number {
    return this.#words[this.#word + (field >>> 2) + 1];
  }
  setLow(field: number, value: number): void {
    this.#words[this.#word + (field >>> 2)] = value;
  }
  set(field: number, low: number, high: number): void {
    const word = this.#word + (field >>> 2);
    this.#words[word] = low;
    this.#words[word + 1] = high;
  }
  setAddress(field: number, physical: number): void {
    this.set(field, physical | 0, Math.floor(physical / 2 ** 32));
  }
  byte(field: number): number {
    return this.#bytes[field];
  }
  setByte(field: number, value: number): void {
    this.#bytes[field] = value;
  }
  /** Index into the memory's words of a field, for copies. */
  wordOf(field: number): number {
    return this.#word + (field >>> 2);
  }
  bytes(field: number, length: number, into: Uint8Array): void {
    for (let n = 0; n < length; n++) into[n] = this.#bytes[field + n];
  }

  /** What was changed must be reloaded. */
  dirty(clean: number): void {
    this.setLow(Field.clean, this.low(Field.clean) & ~clean);
  }
}
