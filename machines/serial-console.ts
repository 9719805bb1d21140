/** The machine's console as a program meets it: what the guest wrote, and what it is told. */
import { EventEmitter } from 'eventemitter3';
import { type ByteStream, MachineError, type Receiver } from '#core';
import { TypedLines } from './typed-lines.ts';

interface Waiter {
  readonly pattern: RegExp;
  readonly from: number;
  resolve(match: RegExpExecArray): void;
  reject(error: Error): void;
}

/** A promise makes the machine stand until it is fulfilled; no virtual time passes meanwhile. */
export type Gate = () => Promise<void> | undefined;

/** Characters that are kept for `text` and `waitFor`; a guest may write for days. */
const kept = 4 * 2 ** 20;

export class SerialConsole implements ByteStream {
  readonly events = new EventEmitter<{ output: [bytes: Uint8Array]; input: [bytes: Uint8Array] }>();
  readonly #decoder = new TextDecoder('utf-8', { fatal: false });
  #text = '';
  /** Characters that are no longer kept. */
  #dropped = 0;
  /** `waitFor` looks only at what came after the last match. */
  #seen = 0;
  #looked = 0;
  #waiters: Waiter[] = [];
  /** Why nothing more will come. */
  #closed: string | undefined;
  #listener: ((data: Uint8Array) => void) | undefined;
  #receiver: Receiver | undefined;
  readonly #early: Uint8Array[] = [];
  readonly #gates = new Set<Gate>();
  /** For `until`, which is not to find what was typed. @internal */
  readonly typedLines = new TypedLines();

  /** What the guest has written: all of it, or the last millions of characters. */
  get text(): string {
    return this.#text;
  }

  /** Characters that the guest has written in all. */
  get length(): number {
    return this.#dropped + this.#text.length;
  }

  /** What the guest has written from a position (a former `length`) on. */
  since(position: number): string {
    return this.#text.slice(Math.max(position - this.#dropped, 0));
  }

  write(data: number | Uint8Array): void {
    const bytes = typeof data === 'number' ? Uint8Array.of(data) : data;
    this.#text += this.#decoder.decode(bytes, { stream: true });
    if (this.#text.length > 2 * kept) {
      this.#dropped += this.#text.length - kept;
      this.#text = this.#text.slice(-kept);
    }
    this.events.emit('output', bytes);
  }

  onInput(listener: (data: Uint8Array) => void, receiver?: Receiver): void {
    this.#listener = listener;
    this.#receiver = receiver;
    for (const data of this.#early.splice(0)) listener(data);
  }

  /** Bytes typed that still wait for room in the device. */
  get waiting(): number {
    return this.#receiver?.waiting ?? 0;
  }

  /** Whether what is typed now reaches the guest: its driver may empty the receiver when it opens the port. */
  get listens(): boolean {
    return this.#listener !== undefined && (this.#receiver?.listens ?? true);
  }

  /**
   * The gate is asked between slices of execution, at moments that virtual time alone decides. So output may wait for its reader, and
   * the guest for its input.
   */
  addGate(gate: Gate): Disposable {
    this.#gates.add(gate);
    return { [Symbol.dispose]: () => void this.#gates.delete(gate) };
  }

  /** Asks the gates. @internal */
  pass(): Promise<void> | undefined {
    let all: Promise<void> | undefined;
    for (const gate of this.#gates) {
      const standing = gate();
      if (standing) all = all ? Promise.all([all, standing]).then(() => {}) : standing;
    }
    return all;
  }

  /** Types into the guest. */
  type(input: string | Uint8Array): void {
    const data = typeof input === 'string' ? new TextEncoder().encode(input) : input;
    this.typedLines.add(data);
    this.events.emit('input', data);
    if (this.#listener) this.#listener(data);
    else this.#early.push(data);
  }

  /**
   * Resolves once the guest's output, from the end of the last match on, matches. The machine must be running, or be run. Whoever
   * waits goes on before the guest does, so that under the virtual clock what it types arrives at the same moment in every run. This is
   * the output as it stands, the echo of what was typed included; `until` leaves that out.
   */
  waitFor(pattern: RegExp | string): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ pattern: expression(pattern), from: this.#seen, resolve, reject });
      this.#looked = -1;
      if (this.#closed !== undefined) this.close(this.#closed);
    });
  }

  /** Looks whether somebody waits for what has been written. The machine asks between slices of execution. @internal */
  poll(): boolean {
    if (this.#waiters.length === 0 || this.#looked === this.length) return false;
    this.#looked = this.length;
    const count = this.#waiters.length;
    for (const waiter of [...this.#waiters]) {
      const start = Math.max(waiter.from, this.#dropped);
      const match = waiter.pattern.exec(this.since(start));
      if (!match) continue;
      this.#seen = Math.max(this.#seen, start + match.index + match[0].length);
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      waiter.resolve(match);
    }
    return this.#waiters.length < count;
  }

  /** Nobody waits in vain: what has not come by now is not coming in this run. @internal */
  giveUp(reason: string): void {
    this.poll();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { pattern, reject } of waiters)
      reject(
        new MachineError('bad-call', `${pattern} did not appear: ${reason}`, {
          remedy: 'look at what the guest wrote, machine.serial.text',
        }),
      );
  }

  /** Nothing more will come, whoever asks. @internal */
  close(reason: string): void {
    this.#closed = reason;
    this.giveUp(reason);
  }

  /** The machine runs again. @internal */
  open(): void {
    this.#closed = undefined;
  }
}

/** A text as it stands, or a pattern without its memory. */
const expression = (pattern: RegExp | string): RegExp =>
  typeof pattern === 'string'
    ? new RegExp(pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    : new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
