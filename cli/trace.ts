/** `--trace`: what happens in the machine, as lines of JSON, on stderr or in a file. */
import { once } from 'node:events';
import { createWriteStream, openSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { MachineError } from '#core';
import { type Machine, type ObservedKind, type Observer, traceObserver } from '#machines';
import type { RunArguments } from './arguments.ts';

/** Characters that are collected before they are written. */
const piece = 0x1_0000;

export class Trace implements AsyncDisposable {
  readonly observer: Observer;
  #text = '';
  #failure: Error | undefined;

  private constructor(
    kinds: readonly ObservedKind[],
    private readonly stream: Writable,
    private readonly file: string | undefined,
  ) {
    this.observer = traceObserver(kinds, line => {
      this.#text += `${line}\n`;
      if (this.#text.length >= piece) this.#write();
    });
    if (file !== undefined) stream.on('error', error => (this.#failure ??= error));
  }

  static of({ trace, 'trace-file': file }: RunArguments): Trace | undefined {
    if (trace === undefined) {
      if (file === undefined) return undefined;
      throw new MachineError('bad-argument', 'there is nothing to trace', {
        path: '--trace-file',
        remedy: 'say what: --trace ports,interrupts',
      });
    }
    return new Trace(trace, file === undefined ? process.stderr : opened(file), file);
  }

  /** The machine stands while the reader of its trace is behind. */
  attach(machine: Machine): void {
    machine.serial.addGate(() => {
      this.#write();
      if (this.#failure) throw unwritten(this.file!, this.#failure);
      return this.stream.writableNeedDrain
        ? once(this.stream, 'drain').then(
            () => {},
            () => {},
          )
        : undefined;
    });
  }

  #write(): void {
    if (this.#text === '') return;
    this.stream.write(this.#text);
    this.#text = '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#write();
    if (this.file === undefined) return;
    await new Promise<void>(resolve => {
      this.stream.once('close', resolve);
      this.stream.end();
    });
    if (this.#failure) throw unwritten(this.file, this.#failure);
  }
}

function opened(file: string): Writable {
  try {
    return createWriteStream(file, { fd: openSync(file, 'w') });
  } catch (cause) {
    throw unwritten(file, cause as Error);
  }
}

const unwritten = (file: string, cause: Error): MachineError =>
  new MachineError('host-failure', `${file} cannot be written: ${cause.message}`, {
    path: '--trace-file',
    remedy: 'name a file that can be written',
    cause,
  });
