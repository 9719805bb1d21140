import { blame, type Owner } from '../framework/owner.ts';
import { type Range, RangeMap } from '../memory/range-map.ts';
import { type Claim, claimRange } from './claim.ts';
import type { MsrHandler, Msrs } from './msrs.ts';

const space = { what: 'MSRs', end: 2 ** 32 };

/** Sees every access to a register of the board, and to those that nobody has. */
export type MsrObserver = (access: {
  readonly processor: number;
  readonly kind: 'read' | 'write';
  readonly index: number;
  /** Unsigned; left out of a read that was refused. */
  readonly value?: bigint;
  /** The guest gets #GP. */
  readonly refused: boolean;
  readonly owner: string | undefined;
}) => void;

/** The board's model-specific registers, as an accelerator meets them; the processor's own never come here. */
export class MsrBus implements Msrs {
  readonly #owners = new WeakMap<MsrHandler, Owner>();
  readonly #claims = new RangeMap<MsrHandler>();
  #observer: MsrObserver | undefined;

  /** `owner` answers for what the handler throws. */
  claim(range: Range | number, handler: MsrHandler, owner?: Owner): Claim {
    if (owner) this.#owners.set(handler, owner);
    const registers = typeof range === 'number' ? { base: range, length: 1 } : range;
    return claimRange(this.#claims, registers, handler, space);
  }

  /** One observer at most; undefined takes it away. */
  observe(observer: MsrObserver | undefined): void {
    this.#observer = observer;
  }

  has(index: number): boolean {
    return this.#claims.find(index) !== undefined;
  }

  read(processor: number, index: number): bigint | undefined {
    const handler = this.#claims.find(index)?.value;
    try {
      const value = handler?.read(processor, index);
      if (this.#observer) this.#tell('read', processor, index, value, value === undefined);
      return value;
    } catch (error) {
      throw blame(this.#owners.get(handler!), `a read of MSR 0x${index.toString(16)}`, error);
    }
  }

  write(processor: number, index: number, value: bigint): boolean {
    const handler = this.#claims.find(index)?.value;
    try {
      const taken = handler?.write(processor, value, index) ?? false;
      if (this.#observer) this.#tell('write', processor, index, value, !taken);
      return taken;
    } catch (error) {
      throw blame(this.#owners.get(handler!), `a write to MSR 0x${index.toString(16)}`, error);
    }
  }

  #tell(kind: 'read' | 'write', processor: number, index: number, value: bigint | undefined, refused: boolean): void {
    const owner = this.#claims.find(index)?.value.name;
    const seen = value === undefined ? {} : { value: BigInt.asUintN(64, value) };
    this.#observer!({ processor, kind, index, ...seen, refused, owner });
  }
}
