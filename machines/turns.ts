/** Whose turn it is among the processors of a machine, which all run on one thread. */

/** Virtual time: instructions that one processor runs before the next one's turn. With one processor there are no turns. */
const quantum = 20_000;
export const longQuantum = 200_000;
/**
 * Real time: nanoseconds in which each processor has its turn, those of a timer tick. Shorter turns come between two readings of a clock so often
 * that Linux takes its TSC for unstable.
 */
const round = 4e6;

/** A turn, and until when it goes: a run that ends in between changes nothing about that. */
export interface Turn {
  readonly processor: number;
  /** Nanosecond of the machine's clock. 0: it has not begun. */
  readonly end: number;
}

const firstTurn: Turn = { processor: 0, end: 0 };

export class Turns {
  current: Turn = firstTurn;
  readonly #length: number;

  constructor(
    private readonly processors: number,
    virtual: boolean,
  ) {
    if (virtual) this.#length = processors > 1 ? quantum : longQuantum;
    else this.#length = processors > 1 ? round / processors : Number.POSITIVE_INFINITY;
  }

  reset(): void {
    this.current = firstTurn;
  }

  /** Begins the current turn if it has not begun, or is over. */
  begin(now: number): void {
    const { processor, end } = this.current;
    if (end <= now) this.current = { processor, end: now + this.#length };
  }

  /** The next processor's turn comes, or that of the one named. */
  pass(to = (this.current.processor + 1) % this.processors): void {
    this.current = { processor: to, end: 0 };
  }
}
