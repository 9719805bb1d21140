/**
 * VM-exit instruction information and the displacement that goes into the exit qualification (SDM vol. 3, section 28.2.5): read
 * from the instruction's bytes once more, since these exits are rare.
 */
import { Decoded } from '../../decode/decoded.ts';
import { decode, decodeFeatures } from '../../decode/decoder.ts';
import { state as layout, Segment } from '../../state/layout.ts';
import { CodeSize, codeSizeOf } from '../../state/mode.ts';
import type { Cpu } from '../cpu.ts';

export const InformationFormat = {
  none: 0,
  /** VMCLEAR, VMPTRLD, VMPTRST, VMXON */
  memory: 1,
  /** VMREAD, VMWRITE */
  field: 2,
  /** INVEPT, INVVPID, INVPCID: a register says which type. */
  typed: 3,
  /** LGDT and its kin */
  table: 4,
  /** LLDT and its kin */
  local: 5,
  random: 6,
} as const;

const longest = 15;
const noIndex = 1 << 22;
const noBase = 1 << 27;
const inRegister = 1 << 10;
const operandSizePrefix = 0x66;

export class InstructionInformation {
  /** The information word, and the displacement: with RIP-relative operands from the next instruction. */
  word = 0;
  displacementLow = 0;
  displacementHigh = 0;

  readonly #decoded = new Decoded();
  readonly #features: Uint8Array;
  readonly #bytes = new Uint8Array(longest);
  readonly #source = { length: 0, at: (index: number): number => this.#bytes[index] };

  constructor(private readonly cpu: Cpu) {
    this.#features = decodeFeatures(cpu.model.features);
  }

  describe(format: number, identity: number): void {
    this.word = noIndex | noBase;
    this.displacementLow = 0;
    this.displacementHigh = 0;
    this.#fetch();
    const decoded = this.#decoded;
    if (decode(this.#source, this.cpu.state.mode, this.#features, decoded) <= 0 || decoded.modrm < 0) return;
    const { modrm, rex } = decoded;
    const register = ((modrm >>> 3) & 7) | ((rex & 4) << 1);
    const other = (modrm & 7) | ((rex & 1) << 3);
    const direct = modrm >>> 6 === 3;
    if (direct) this.word = inRegister | (other << 3);
    else this.#describeMemory();
    switch (format) {
      case InformationFormat.field:
      case InformationFormat.typed:
        this.word |= register << 28;
        break;
      case InformationFormat.table:
        this.word |= (identity << 28) | (this.#operandSize() === 0 ? 0 : 1 << 11);
        break;
      case InformationFormat.local:
        this.word |= identity << 28;
        break;
      case InformationFormat.random:
        this.word = (other << 3) | (this.#operandSize() << 11);
        break;
    }
  }

  #describeMemory(): void {
    const { state } = this.cpu;
    const { addressWidth, base, index, scale, segment, ripRelative, displacementLow, displacementHigh } = this.#decoded;
    const none = layout.zero.offset;
    this.word =
      (addressWidth === 16 ? 0 : addressWidth === 32 ? 1 << 7 : 2 << 7) |
      ((segment <= Segment.gs ? segment : Segment.ds) << 15) |
      (index === none ? noIndex : scale | ((index >>> 3) << 18)) |
      (base === none ? noBase : (base >>> 3) << 23);
    this.displacementLow = displacementLow;
    this.displacementHigh = displacementHigh;
    if (!ripRelative) return;
    const { offset } = layout.nextRip;
    const sum = (displacementLow + state.low(offset)) | 0;
    this.displacementHigh = (displacementHigh + state.high(offset) + (sum >>> 0 < displacementLow >>> 0 ? 1 : 0)) | 0;
    this.displacementLow = sum;
  }

  /** 0, 1, 2: 16, 32, 64 bits. */
  #operandSize(): number {
    if ((this.#decoded.rex & 8) !== 0) return 2;
    const bytes = this.#bytes.subarray(0, this.#decoded.length);
    let prefixed = false;
    for (const byte of bytes) {
      if (byte === operandSizePrefix) prefixed = true;
      else if (byte === 0x0f) break;
    }
    return prefixed !== (codeSizeOf(this.cpu.state.mode) === CodeSize.bits16) ? 0 : 1;
  }

  /** The bytes at RIP, as far as they can be fetched. */
  #fetch(): void {
    const { mmu, physical, state } = this.cpu;
    const base = this.cpu.is64 ? 0 : state.baseLow(Segment.cs);
    const linear = (state.ripLow + base) | 0;
    const source = this.#source;
    source.length = 0;
    let page = 0;
    for (let n = 0; n < longest; n++) {
      const low = (linear + n) | 0;
      if (n === 0 || (low & 0xfff) === 0) {
        const high = this.cpu.is64 ? (state.ripHigh + (low >>> 0 < linear >>> 0 ? 1 : 0)) | 0 : 0;
        page = mmu.fetch(low, high) & ~0xfff;
        if (page === 0) return;
      }
      this.#bytes[n] = physical.load8(page + (low & 0xfff));
      source.length++;
    }
  }
}
