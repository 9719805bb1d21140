/** The machine's console as a program meets it: what the guest wrote, and what it is told. */
import { EventEmitter } from 'eventemitter3';
import type { ByteStream } from '#core';

interface Waiter {
  readonly pattern: RegExp;
  readonly from: number;
  resolve(match: RegExpExecArray): void;
  reject(error: Error): void;
}

export class SerialConsole implements ByteStream {
  readonly events = new EventEmitter<{ output: [bytes: Uint8Array] }>();
  readonly #decoder = new TextDecoder('utf-8', { fatal: false });
  #text = '';
  /** `waitFor` looks only at what came after the last match. */
  #seen = 0;
  #waiters: Waiter[] = [];
  #listener: ((data: Uint8Array) => void) | undefined;
  readonly #one = new Uint8Array(1);

  /** All that the guest has written. */
  get text(): string {
    return this.#text;
  }

  write(data: number | Uint8Array): void {
    let bytes: Uint8Array;
    if (typeof data === 'number') {
      this.#one[0] = data;
      bytes = this.#one;
    } else {
      bytes = data;
    }
    this.#text += this.#decoder.decode(bytes, { stream: true });
    this.events.emit('output', bytes);
    if (this.#waiters.length > 0) this.#look();
  }

  onInput(listener: (data: Uint8Array) => void): void {
    this.#listener = listener;
  }

  /** Types into the guest. */
  type(input: string | Uint8Array): void {
    this.#listener?.(typeof input === 'string' ? new TextEncoder().encode(input) : input);
  }

  /** Resolves once the guest's output, from the end of the last match on, matches. The machine must be running, or be run. */
  waitFor(pattern: RegExp | string): Promise<RegExpExecArray> {
    const expression =
      typeof pattern === 'string' ? new RegExp(pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : pattern;
    return new Promise((resolve, reject) => {
      this.#waiters.push({
        pattern: new RegExp(expression.source, expression.flags.replace(/[gy]/g, '')),
        from: this.#seen,
        resolve,
        reject,
      });
      this.#look();
    });
  }

  /** The run has ended: nothing more will come. */
  close(reason: string): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { pattern, reject } of waiters) reject(new Error(`${pattern} did not appear: ${reason}`));
  }

  #look(): void {
    for (const waiter of [...this.#waiters]) {
      const match = waiter.pattern.exec(this.#text.slice(waiter.from));
      if (!match) continue;
      this.#seen = waiter.from + match.index + match[0].length;
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      waiter.resolve(match);
    }
  }
}
