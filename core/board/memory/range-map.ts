export interface Range {
  readonly base: number;
  readonly length: number;
}

export interface RangeEntry<T> extends Range {
  readonly value: T;
}

/** Disjoint ranges of addresses, each with a value. Lookup remembers the last hit: accesses come in runs. */
export class RangeMap<T> {
  readonly #entries: RangeEntry<T>[] = [];
  #last: RangeEntry<T> | undefined;

  get entries(): readonly RangeEntry<T>[] {
    return this.#entries;
  }

  /** Adds a range, or answers the entry that is in its way. */
  add(range: Range, value: T): RangeEntry<T> | undefined {
    const inTheWay = this.#entries.find(
      entry => entry.base < range.base + range.length && range.base < entry.base + entry.length,
    );
    if (inTheWay) return inTheWay;
    this.#entries.push({ base: range.base, length: range.length, value });
    this.#entries.sort((left, right) => left.base - right.base);
    return undefined;
  }

  /** Takes away what `add` added; harmless if it is gone. */
  remove({ base }: Range, value: T): void {
    const index = this.#entries.findIndex(entry => entry.base === base && entry.value === value);
    if (index >= 0) this.#entries.splice(index, 1);
    this.#last = undefined;
  }

  /** The entry that holds an address. */
  find(at: number): RangeEntry<T> | undefined {
    const last = this.#last;
    if (last && at >= last.base && at < last.base + last.length) return last;
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (at < entry.base) high = middle;
      else if (at >= entry.base + entry.length) low = middle + 1;
      else {
        this.#last = entry;
        return entry;
      }
    }
    return undefined;
  }
}
