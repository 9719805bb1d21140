import { type Range, RangeMap } from '../memory/range-map.ts';
import { type Claim, claimRange } from './claim.ts';
import type { MsrHandler, Msrs } from './msrs.ts';

const space = { what: 'MSRs', end: 2 ** 32 };

/** The board's model-specific registers, as an accelerator meets them; the processor's own never come here. */
export class MsrBus implements Msrs {
  readonly #claims = new RangeMap<MsrHandler>();

  claim(range: Range | number, handler: MsrHandler): Claim {
    const registers = typeof range === 'number' ? { base: range, length: 1 } : range;
    return claimRange(this.#claims, registers, handler, space);
  }

  has(index: number): boolean {
    return this.#claims.find(index) !== undefined;
  }

  read(processor: number, index: number): bigint | undefined {
    return this.#claims.find(index)?.value.read(processor, index);
  }

  write(processor: number, index: number, value: bigint): boolean {
    return this.#claims.find(index)?.value.write(processor, value, index) ?? false;
  }
}
