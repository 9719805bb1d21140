/** Breakpoints of whoever runs the CPU, beside the guest's four: the guest neither sees nor meets them. Any number, by linear address. */

export interface HostBreakpoint {
  readonly kind: 'code' | 'write' | 'access';
  /** Linear, unsigned; a multiple of `length`. */
  readonly address: bigint;
  readonly length: 1 | 2 | 4 | 8;
}

interface Entry {
  readonly index: number;
  readonly low: number;
  readonly high: number;
  readonly length: number;
  readonly writesOnly: boolean;
}

export class HostBreakpoints {
  #code: readonly Entry[] = [];
  #data: readonly Entry[] = [];
  /** The one on data that the present instruction has met, as a place in the list that was set; -1: none. */
  met = -1;

  get hasCode(): boolean {
    return this.#code.length > 0;
  }
  get hasData(): boolean {
    return this.#data.length > 0;
  }

  /** Replaces them all. Places in `list` are their names. */
  set(list: readonly HostBreakpoint[]): void {
    const entries = list.map(({ address, length, kind }, index) => ({
      index,
      low: Number(BigInt.asIntN(32, address)),
      high: Number(BigInt.asIntN(32, address >> 32n)),
      length,
      writesOnly: kind === 'write',
      onCode: kind === 'code',
    }));
    this.#code = entries.filter(({ onCode }) => onCode);
    this.#data = entries.filter(({ onCode }) => !onCode);
    this.met = -1;
  }

  codeOnPage(low: number, high: number): boolean {
    return onPage(this.#code, low, high);
  }
  dataOnPage(low: number, high: number): boolean {
    return onPage(this.#data, low, high);
  }

  /** The one on the instruction at this address, or -1. */
  code(low: number, high: number): number {
    for (const entry of this.#code) if (entry.low === low && entry.high === high) return entry.index;
    return -1;
  }

  /** Whether an access within a page meets one; `met` says which. */
  meetsData(low: number, high: number, size: number, write: boolean): boolean {
    const start = low >>> 0;
    for (const entry of this.#data) {
      if (entry.high !== high || (entry.writesOnly && !write)) continue;
      const first = entry.low >>> 0;
      if (start >= first + entry.length || first >= start + size) continue;
      this.met = entry.index;
      return true;
    }
    return false;
  }
}

function onPage(entries: readonly Entry[], low: number, high: number): boolean {
  for (const entry of entries) if (((entry.low ^ low) & ~0xfff) === 0 && entry.high === high) return true;
  return false;
}
