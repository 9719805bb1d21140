import { MachineError } from '../framework/error.ts';
import type { Range, RangeMap } from '../memory/range-map.ts';

/** A range that a component owns until it releases it. */
export interface Claim {
  release(): void;
}

/** What a bus is made of, and where it ends. */
export interface Space {
  readonly what: string;
  readonly end: number;
}

/** Adds a range to a bus's map; two owners of one address are a mistake of the profile, and so is what lies outside. */
export function claimRange<T extends { readonly name: string }>(
  map: RangeMap<T>,
  { base, length }: Range,
  owner: T,
  { what, end }: Space,
): Claim {
  const range = { base, length };
  const isInside =
    Number.isInteger(base) && Number.isInteger(length) && base >= 0 && length > 0 && base + length <= end;
  if (!isInside) {
    throw new MachineError('bad-option', `${owner.name} claims ${what} ${show(range)}, which are not all there`, {
      remedy: `give it a place below 0x${end.toString(16)}`,
    });
  }
  const other = map.add(range, owner);
  if (other) {
    throw new MachineError(
      'overlap',
      `${owner.name} claims ${what} ${show(range)}, which ${other.value.name} has at ${show(other)}`,
      { remedy: 'give one of the two another place' },
    );
  }
  return { release: () => map.remove(range, owner) };
}

const show = ({ base, length }: Range): string => `0x${base.toString(16)}–0x${(base + length - 1).toString(16)}`;
