/** When the host's own events need their turn: a slice of guest code ends then, however far it has come. */

/** Nanoseconds of host time. */
const breathEvery = 4e6;
/** How many entries pass between two looks at the stopwatch. */
const lookEvery = 8;

export class Breath {
  #last = 0;
  #looks = 0;
  /** The time is over; it stays so until `drawn`. */
  due = false;

  constructor(private readonly stopwatch: () => number) {}

  /** The host has had its turn. */
  drawn(): void {
    this.#last = this.stopwatch();
    this.due = false;
    this.#looks = lookEvery;
  }

  /** Looks at the stopwatch. */
  look(): boolean {
    this.#looks = lookEvery;
    if (this.stopwatch() - this.#last > breathEvery) this.due = true;
    return this.due;
  }

  /** The same, before an entry: most are let pass without a look. At least so many always are, so that the guest goes on, however slow the host is. */
  lookNowAndThen(): boolean {
    return this.due || (--this.#looks <= 0 && this.look());
  }
}
