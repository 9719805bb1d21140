/** What MONITOR sets up: one line of memory, and whether anybody has written there since. */
export class LineMonitor {
  static readonly lineSize = 64;

  armed = false;
  /** Linear-memory address. */
  #line = 0;

  arm(address: number): void {
    this.#line = address & -LineMonitor.lineSize;
    this.armed = true;
  }

  /** Whether it waits for stores to a page (its number). */
  watches(page: number): boolean {
    return this.armed && this.#line >>> 12 === page;
  }

  meets(address: number, length: number): boolean {
    const from = this.#line >>> 0;
    return this.armed && address >>> 0 < from + LineMonitor.lineSize && (address >>> 0) + length > from;
  }
}
