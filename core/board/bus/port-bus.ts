import { blame, type Owner } from '../framework/owner.ts';
import { type RangeEntry, RangeMap } from '../memory/range-map.ts';
import { BytePorts } from './byte-ports.ts';
import { type Claim, claimRange } from './claim.ts';
import type { BytePortHandler, PortHandler, PortRange, PortSize, Ports } from './ports.ts';

const space = { what: 'ports', end: 0x1_0000 };

/** Sees every port access; for traces and counters. */
export type PortObserver = (access: {
  readonly kind: 'read' | 'write';
  readonly port: number;
  readonly size: PortSize;
  readonly value: number;
  /** The owner's name, or undefined if nobody claimed the port. */
  readonly owner: string | undefined;
}) => void;

/** The I/O ports, as an accelerator meets them. Values are unsigned; ports wrap at 64 Ki. */
export class PortBus implements Ports {
  readonly #claims = new RangeMap<PortHandler>();
  readonly #doublewords = new RangeMap<PortHandler>();
  readonly #owners = new WeakMap<PortHandler, Owner>();
  #observer: PortObserver | undefined;

  /** `owner` answers for what the handler throws. */
  claim(range: PortRange | number, handler: PortHandler | BytePortHandler, owner?: Owner): Claim {
    const ports: PortRange = typeof range === 'number' ? { base: range, length: 1 } : range;
    const claims = ports.only === 4 ? this.#doublewords : this.#claims;
    const whole = isBytewise(handler) ? new BytePorts(handler) : handler;
    if (owner) this.#owners.set(whole, owner);
    return claimRange(claims, ports, whole, space);
  }

  /** One observer at most; undefined takes it away. */
  observe(observer: PortObserver | undefined): void {
    this.#observer = observer;
  }

  get owners(): readonly { readonly base: number; readonly length: number; readonly name: string }[] {
    return [...this.#claims.entries, ...this.#doublewords.entries].map(({ base, length, value }) => ({
      base,
      length,
      name: value.name,
    }));
  }

  read(port: number, size: PortSize): number {
    const at = port & 0xffff;
    const value = this.#read(at, size);
    if (this.#observer)
      this.#observer({ kind: 'read', port: at, size, value, owner: this.#find(at, size)?.value.name });
    return value;
  }

  write(port: number, size: PortSize, value: number): void {
    const at = port & 0xffff;
    if (this.#observer) {
      const written = size === 4 ? value >>> 0 : value & (size === 2 ? 0xffff : 0xff);
      this.#observer({ kind: 'write', port: at, size, value: written, owner: this.#find(at, size)?.value.name });
    }
    this.#write(at, size, value);
  }

  #find(port: number, size: PortSize): RangeEntry<PortHandler> | undefined {
    if (size === 4) {
      const doubleword = this.#doublewords.find(port);
      if (doubleword?.base === port) return doubleword;
    }
    return this.#claims.find(port);
  }

  #read(port: number, size: PortSize): number {
    const claim = this.#find(port, size);
    if (claim && port + size <= claim.base + claim.length) {
      const handler = claim.value;
      let value = -1;
      try {
        if (handler.read) value = handler.read(port, size);
      } catch (error) {
        throw blame(this.#owners.get(handler), `a read of port 0x${port.toString(16)}`, error);
      }
      return size === 4 ? value >>> 0 : value & (size === 2 ? 0xffff : 0xff);
    }
    if (size === 1) return 0xff;
    let value = 0;
    for (let byte = 0; byte < size; byte++) value |= this.#read((port + byte) & 0xffff, 1) << (8 * byte);
    return value >>> 0;
  }

  #write(port: number, size: PortSize, value: number): void {
    const claim = this.#find(port, size);
    if (claim && port + size <= claim.base + claim.length) {
      const handler = claim.value;
      try {
        handler.write?.(port, size, size === 4 ? value >>> 0 : value & (size === 2 ? 0xffff : 0xff));
      } catch (error) {
        throw blame(this.#owners.get(handler), `a write to port 0x${port.toString(16)}`, error);
      }
    } else if (size > 1) {
      for (let byte = 0; byte < size; byte++) this.#write((port + byte) & 0xffff, 1, value >>> (8 * byte));
    }
  }
}

const bytewiseNames = ['read8', 'write8', 'read16', 'write16', 'read32', 'write32'];

const isBytewise = (handler: PortHandler | BytePortHandler): handler is BytePortHandler =>
  bytewiseNames.some(name => name in handler);
