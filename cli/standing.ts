/** The machine stands while the host does something that it must wait for: its output be read, or its input come. */

export interface Stand {
  /** Fulfilled when the machine may go on. */
  readonly over: Promise<void>;
  end(): void;
}

export interface StandingOptions {
  /** Real milliseconds after which one standing is too long: guest time does not pass meanwhile, so it would never be up. */
  readonly limit: () => number;
  readonly tooLong: () => void;
}

/** Node's timers know no longer time. */
const longest = 2 ** 31 - 1;

export class Standing {
  readonly #stands = new Set<Stand>();
  #released = false;

  constructor(private readonly options: StandingOptions) {}

  begin(): Stand {
    const { promise, resolve } = Promise.withResolvers<void>();
    const limit = this.options.limit();
    const timer = limit <= longest ? setTimeout(this.options.tooLong, limit) : undefined;
    const stand: Stand = {
      over: promise,
      end: () => {
        clearTimeout(timer);
        this.#stands.delete(stand);
        resolve();
      },
    };
    this.#stands.add(stand);
    if (this.#released) stand.end();
    return stand;
  }

  /** The run is over: nothing is waited for any more. */
  release(): void {
    this.#released = true;
    for (const stand of [...this.#stands]) stand.end();
  }
}
