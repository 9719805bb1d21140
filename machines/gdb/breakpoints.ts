/** What gdb has set by `Z` packets, and what of the contract's breakpoints each is made of. */
import type { Breakpoint } from '#accelerators';
import { MachineError } from '#core';

/** Types of `Z`: 0 in software and 1 in hardware are on code, 2 on writes, 3 on reads, 4 on both. */
export interface Place {
  readonly type: number;
  readonly address: bigint;
  readonly length: number;
}

export class BreakpointTable {
  #places: readonly Place[] = [];

  /** `set` throws where there are too many. */
  constructor(private readonly set: (list: readonly Breakpoint[]) => void) {}

  /** False: there is no such type. Throws where there are too many. */
  add(place: Place): boolean {
    if (place.type > 4) return false;
    if (!this.#places.some(each => same(each, place))) this.#change([...this.#places, place]);
    return true;
  }

  remove(place: Place): void {
    this.#change(this.#places.filter(each => !same(each, place)));
  }

  /** Whose breakpoint was met. */
  placeOf({ kind, address, length }: Breakpoint): Place | undefined {
    const covers = (place: Place): boolean =>
      place.address < address + BigInt(length) && address < place.address + BigInt(Math.max(place.length, 1));
    return this.#places.find(
      place => kindOf(place) === kind && (kind === 'code' ? place.address === address : covers(place)),
    );
  }

  #change(places: readonly Place[]): void {
    const list = places.flatMap(breakpointsOf);
    const unique = list.filter((each, n) => list.findIndex(other => equal(each, other)) === n);
    this.set(unique);
    this.#places = places;
  }
}

const same = (left: Place, right: Place): boolean =>
  left.type === right.type && left.address === right.address && left.length === right.length;

const equal = (left: Breakpoint, right: Breakpoint): boolean =>
  left.kind === right.kind && left.address === right.address && left.length === right.length;

/** A watchpoint on reads sees writes, too, as on the processor itself: it has none that is on reads alone. */
const kindOf = ({ type }: Place): Breakpoint['kind'] => (type < 2 ? 'code' : type === 2 ? 'write' : 'access');

/** Four registers of eight bytes. */
const longestWatched = 32;

/** A range is watched in parts that are aligned. */
function breakpointsOf(place: Place): Breakpoint[] {
  const kind = kindOf(place);
  if (kind === 'code') return [{ kind, address: place.address, length: 1 }];
  if (place.length > longestWatched)
    throw new MachineError('bad-call', `${place.length} bytes are more than a processor can watch`, {
      remedy: 'watch fewer',
    });
  const list: Breakpoint[] = [];
  const end = place.address + BigInt(place.length);
  for (let address = place.address; address < end; ) {
    const length = ([8, 4, 2, 1] as const).find(n => address % BigInt(n) === 0n && address + BigInt(n) <= end)!;
    list.push({ kind, address, length });
    address += BigInt(length);
  }
  return list;
}
