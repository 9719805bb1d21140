import { MachineError } from '../framework/error.ts';
import type { GuestMemory } from './guest-memory.ts';

export interface RamBlock {
  readonly base: number;
  readonly bytes: Uint8Array;
  /** Told of every write, so that an emulated processor can drop translations of the code there. */
  onWrite?(offset: number, length: number): void;
}

interface Block extends RamBlock {
  readonly end: number;
  readonly view: DataView;
}

/** Guest RAM over blocks of host memory, which may adjoin: then what spans two of them is one piece. */
export class RamGuestMemory implements GuestMemory {
  readonly #blocks: readonly Block[];
  #last: Block | undefined;

  readonly size: number;
  readonly regions: readonly { readonly base: number; readonly size: number }[];
  strays = 0;

  constructor(blocks: readonly RamBlock[]) {
    this.#blocks = [...blocks].sort((left, right) => left.base - right.base).map(toBlock);
    this.#blocks.forEach((block, index) => {
      const next = this.#blocks[index + 1];
      if (next && next.base < block.end) {
        throw new MachineError('overlap', `RAM at ${hex(next.base)} overlaps RAM at ${hex(block.base)}`);
      }
    });
    this.#last = this.#blocks[0];
    this.size = this.#blocks.reduce((sum, block) => sum + block.bytes.length, 0);
    this.regions = this.#blocks.map(({ base, bytes }) => ({ base, size: bytes.length }));
  }

  contains(address: number, length: number): boolean {
    const end = address + length;
    // Beyond, sums are no longer exact, and there is no RAM.
    if (!(address >= 0 && length >= 0) || end > Number.MAX_SAFE_INTEGER) return false;
    let at = address;
    while (at < end) {
      const block = this.#find(at);
      if (!block) return false;
      at = block.end;
    }
    return length > 0 || this.#find(address) !== undefined;
  }

  read8(address: number): number {
    const block = this.#find(address);
    return block ? block.bytes[address - block.base] : this.#stray(0xff);
  }

  read16(address: number): number {
    const block = this.#find(address);
    if (block && address + 2 <= block.end) return block.view.getUint16(address - block.base, true);
    return this.contains(address, 2) ? this.read8(address) | (this.read8(address + 1) << 8) : this.#stray(0xffff);
  }

  read32(address: number): number {
    const block = this.#find(address);
    if (block && address + 4 <= block.end) return block.view.getUint32(address - block.base, true);
    if (!this.contains(address, 4)) return this.#stray(0xffff_ffff);
    return (this.read16(address) | (this.read16(address + 2) << 16)) >>> 0;
  }

  read64(address: number): bigint {
    if (!this.contains(address, 8)) return BigInt(this.#stray(0)) + 0xffff_ffff_ffff_ffffn;
    return BigInt(this.read32(address)) | (BigInt(this.read32(address + 4)) << 32n);
  }

  write8(address: number, value: number): void {
    const block = this.#find(address);
    if (!block) {
      this.strays++;
      return;
    }
    block.bytes[address - block.base] = value;
    block.onWrite?.(address - block.base, 1);
  }

  write16(address: number, value: number): void {
    const block = this.#find(address);
    if (block && address + 2 <= block.end) {
      block.view.setUint16(address - block.base, value, true);
      block.onWrite?.(address - block.base, 2);
    } else if (this.contains(address, 2)) {
      this.write8(address, value);
      this.write8(address + 1, value >>> 8);
    } else {
      this.strays++;
    }
  }

  write32(address: number, value: number): void {
    const block = this.#find(address);
    if (block && address + 4 <= block.end) {
      block.view.setUint32(address - block.base, value, true);
      block.onWrite?.(address - block.base, 4);
    } else if (this.contains(address, 4)) {
      this.write16(address, value);
      this.write16(address + 2, value >>> 16);
    } else {
      this.strays++;
    }
  }

  write64(address: number, value: bigint): void {
    if (!this.contains(address, 8)) {
      this.strays++;
      return;
    }
    this.write32(address, Number(BigInt.asUintN(32, value)));
    this.write32(address + 4, Number(BigInt.asUintN(32, value >> 32n)));
  }

  read(address: number, into: Uint8Array): boolean {
    return this.#walk(address, into.length, (block, offset, length, done) => {
      into.set(block.bytes.subarray(offset, offset + length), done);
    });
  }

  write(address: number, from: Uint8Array): boolean {
    return this.#walk(address, from.length, (block, offset, length, done) => {
      block.bytes.set(from.subarray(done, done + length), offset);
      block.onWrite?.(offset, length);
    });
  }

  fill(address: number, length: number, byte: number): boolean {
    return this.#walk(address, length, (block, offset, part) => {
      block.bytes.fill(byte, offset, offset + part);
      block.onWrite?.(offset, part);
    });
  }

  #walk(
    address: number,
    length: number,
    visit: (block: Block, offset: number, length: number, done: number) => void,
  ): boolean {
    if (length === 0) return true;
    if (!this.contains(address, length)) {
      this.strays++;
      return false;
    }
    for (let done = 0; done < length; ) {
      const block = this.#find(address + done)!;
      const part = Math.min(length - done, block.end - address - done);
      visit(block, address + done - block.base, part, done);
      done += part;
    }
    return true;
  }

  #find(address: number): Block | undefined {
    const last = this.#last;
    if (last && address >= last.base && address < last.end) return last;
    for (const block of this.#blocks) {
      if (address >= block.base && address < block.end) {
        this.#last = block;
        return block;
      }
    }
    return undefined;
  }

  #stray(value: number): number {
    this.strays++;
    return value;
  }
}

const toBlock = (block: RamBlock): Block => ({
  base: block.base,
  bytes: block.bytes,
  ...(block.onWrite ? { onWrite: block.onWrite.bind(block) } : {}),
  end: block.base + block.bytes.length,
  view: new DataView(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength),
});

const hex = (address: number): string => `0x${address.toString(16)}`;
