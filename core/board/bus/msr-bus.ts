import { blame, type Owner } from '../framework/owner.ts';
import { type Range, RangeMap } from '../memory/range-map.ts';
import { type Claim, claimRange } from './claim.ts';
import type { MsrHandler, Msrs } from './msrs.ts';

const space = { what: 'MSRs', end: 2 ** 32 };

/** The board's model-specific registers, as an accelerator meets them; the processor's own never come here. */
export class MsrBus implements Msrs {
  readonly #owners = new WeakMap<MsrHandler, Owner>();
  readonly #claims = new RangeMap<MsrHandler>();

  /** `owner` answers for what the handler throws. */
  claim(range: Range | number, handler: MsrHandler, owner?: Owner): Claim {
    if (owner) this.#owners.set(handler, owner);
    const registers = typeof range === 'number' ? { base: range, length: 1 } : range;
    return claimRange(this.#claims, registers, handler, space);
  }

  has(index: number): boolean {
    return this.#claims.find(index) !== undefined;
  }

  read(processor: number, index: number): bigint | undefined {
    const handler = this.#claims.find(index)?.value;
    try {
      return handler?.read(processor, index);
    } catch (error) {
      throw blame(this.#owners.get(handler!), `a read of MSR 0x${index.toString(16)}`, error);
    }
  }

  write(processor: number, index: number, value: bigint): boolean {
    const handler = this.#claims.find(index)?.value;
    try {
      return handler?.write(processor, value, index) ?? false;
    } catch (error) {
      throw blame(this.#owners.get(handler!), `a write to MSR 0x${index.toString(16)}`, error);
    }
  }
}
