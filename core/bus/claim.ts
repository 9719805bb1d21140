import { MachineError } from '../framework/error.ts';
import type { Range, RangeMap } from '../memory/range-map.ts';

/** A range that a component owns until it releases it. */
export interface Claim {
  release(): void;
}

/** Adds a range to a bus's map; two owners of one address are a mistake of the profile. */
export function claimRange<T extends { readonly name: string }>(
  map: RangeMap<T>,
  range: Range,
  owner: T,
  what: string,
): Claim {
  const other = map.add(range, owner);
  if (other) {
    throw new MachineError(
      'overlap',
      `${owner.name} claims ${what} ${show(range)}, which ${other.value.name} has at ${show(other)}`,
      { remedy: 'give one of the two another place' },
    );
  }
  return { release: () => map.remove(owner) };
}

const show = ({ base, length }: Range): string => `0x${base.toString(16)}–0x${(base + length - 1).toString(16)}`;
