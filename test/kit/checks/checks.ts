/** What cases check with, in any surroundings: the names are ava's. A check that fails throws a `CheckError`. */
import { differenceOf } from './difference.ts';
import { show } from './show.ts';

/** Runners that know `actual` and `expected` show how they differ. */
export class CheckError extends Error {
  override readonly name = 'CheckError';

  constructor(
    message: string,
    readonly actual?: unknown,
    readonly expected?: unknown,
  ) {
    super(message);
  }
}

export interface Expectation {
  readonly instanceOf?: abstract new (...args: never) => Error;
  readonly code?: string;
  readonly message?: RegExp;
}

export class Checks {
  #count = 0;

  /** The same value (`Object.is`). */
  is<T>(actual: T, expected: T, what?: string): void {
    this.#check(Object.is(actual, expected), what, `${show(actual)} is not ${show(expected)}`, actual, expected);
  }

  /** The same in structure. */
  deepEqual<T>(actual: T, expected: T, what?: string): void {
    const difference = differenceOf(actual, expected);
    this.#check(difference === undefined, what, difference ?? '', actual, expected);
  }

  /** What `expected` has is the same in `actual`. */
  like<T extends object>(actual: T, expected: Partial<T> & Readonly<Record<string, unknown>>, what?: string): void {
    const part = Object.fromEntries(Object.keys(expected).map(key => [key, (actual as Record<string, unknown>)[key]]));
    this.deepEqual<unknown>(part, expected, what);
  }

  true(actual: boolean, what?: string): void {
    this.is(actual, true, what);
  }

  false(actual: boolean, what?: string): void {
    this.is(actual, false, what);
  }

  notThrows(action: () => unknown, what?: string): void {
    this.#count++;
    try {
      action();
    } catch (error) {
      throw new CheckError(sentence(what, `it threw ${show(error)}`), error);
    }
  }

  /** Answers what was thrown. */
  throws(action: () => unknown, { instanceOf, code, message }: Expectation = {}, what?: string): Error {
    let thrown: unknown;
    try {
      action();
    } catch (error) {
      thrown = error;
    }
    this.#check(
      thrown instanceof Error,
      what,
      `it should throw an error, and threw ${show(thrown)}`,
      thrown,
      undefined,
    );
    const error = thrown as Error & { readonly code?: unknown };
    if (instanceOf)
      this.#check(error instanceof instanceOf, what, `${show(error)} is no ${instanceOf.name}`, error, instanceOf);
    if (code !== undefined) this.is<unknown>(error.code, code, what ?? error.message);
    if (message)
      this.#check(
        message.test(error.message),
        what,
        `${show(error.message)} does not match ${message}`,
        error,
        message,
      );
    return error;
  }

  /** A case that has checked nothing would pass whatever happens. */
  finish(): void {
    if (this.#count === 0) throw new CheckError('the case has checked nothing');
  }

  #check(good: boolean, what: string | undefined, complaint: string, actual: unknown, expected: unknown): void {
    this.#count++;
    if (!good) throw new CheckError(sentence(what, complaint), actual, expected);
  }
}

const sentence = (what: string | undefined, complaint: string): string =>
  what === undefined || what === '' ? complaint : `${what}: ${complaint}`;
