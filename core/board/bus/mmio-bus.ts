import { blame, type Owner } from '../framework/owner.ts';
import { type Range, RangeMap } from '../memory/range-map.ts';
import { type Claim, claimRange } from './claim.ts';
import type { Mmio, MmioHandler, MmioSize } from './mmio.ts';

const space = { what: 'addresses', end: 2 ** 52 };

/** Sees every access to memory that is not RAM; for traces and counters. */
export type MmioObserver = (access: {
  readonly processor: number;
  readonly kind: 'read' | 'write';
  readonly address: number;
  readonly size: MmioSize;
  readonly value: bigint;
  /** The owner's name, or undefined if nobody claimed the address. */
  readonly owner: string | undefined;
}) => void;

/** The memory that is not RAM, as an accelerator meets it. `data` is an 8-byte view, little-endian. */
export class MmioBus implements Mmio {
  readonly #claims = new RangeMap<MmioHandler>();
  readonly #owners = new WeakMap<MmioHandler, Owner>();
  readonly #byte = new DataView(new ArrayBuffer(8));
  #observer: MmioObserver | undefined;

  /** `owner` answers for what the handler throws. */
  claim(range: Range, handler: MmioHandler, owner?: Owner): Claim {
    if (owner) this.#owners.set(handler, owner);
    return claimRange(this.#claims, range, handler, space);
  }

  /** One observer at most; undefined takes it away. */
  observe(observer: MmioObserver | undefined): void {
    this.#observer = observer;
  }

  get owners(): readonly { readonly base: number; readonly length: number; readonly name: string }[] {
    return this.#claims.entries.map(({ base, length, value }) => ({ base, length, name: value.name }));
  }

  read(address: number, size: MmioSize, data: DataView, processor = 0): void {
    const claim = this.#claims.find(address);
    if (claim && address + size <= claim.base + claim.length) {
      try {
        claim.value.read(address - claim.base, size, data, processor);
      } catch (error) {
        throw this.#blame(claim.value, `a read of address 0x${address.toString(16)}`, error);
      }
    } else {
      for (let byte = 0; byte < size; byte++) data.setUint8(byte, this.#readByte(address + byte, processor));
    }
    if (this.#observer) this.#tell('read', address, size, data, processor);
  }

  write(address: number, size: MmioSize, data: DataView, processor = 0): void {
    if (this.#observer) this.#tell('write', address, size, data, processor);
    const claim = this.#claims.find(address);
    if (claim && address + size <= claim.base + claim.length) {
      try {
        claim.value.write(address - claim.base, size, data, processor);
      } catch (error) {
        throw this.#blame(claim.value, `a write to address 0x${address.toString(16)}`, error);
      }
    } else {
      for (let byte = 0; byte < size; byte++) this.#writeByte(address + byte, data.getUint8(byte), processor);
    }
  }

  #blame(handler: MmioHandler, act: string, error: unknown): unknown {
    return blame(this.#owners.get(handler), act, error);
  }

  #readByte(address: number, processor: number): number {
    const claim = this.#claims.find(address);
    if (!claim) return 0xff;
    try {
      claim.value.read(address - claim.base, 1, this.#byte, processor);
    } catch (error) {
      throw this.#blame(claim.value, `a read of address 0x${address.toString(16)}`, error);
    }
    return this.#byte.getUint8(0);
  }

  #writeByte(address: number, value: number, processor: number): void {
    const claim = this.#claims.find(address);
    if (!claim) return;
    this.#byte.setUint8(0, value);
    try {
      claim.value.write(address - claim.base, 1, this.#byte, processor);
    } catch (error) {
      throw this.#blame(claim.value, `a write to address 0x${address.toString(16)}`, error);
    }
  }

  #tell(kind: 'read' | 'write', address: number, size: MmioSize, data: DataView, processor: number): void {
    const value = BigInt.asUintN(size * 8, data.getBigUint64(0, true));
    this.#observer!({ processor, kind, address, size, value, owner: this.#claims.find(address)?.value.name });
  }
}
