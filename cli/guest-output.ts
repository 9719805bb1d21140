/** The guest's words on their way to stdout. While nobody reads them the machine stands, so that they fill no memory. */
import type { SerialConsole } from '#machines';
import type { Stand, Standing } from './standing.ts';

/** So much is written at once; the kernel's pipes hold as much. */
const chunkSize = 2 ** 16;

type Output = Pick<NodeJS.WriteStream, 'write' | 'once' | 'off'>;

export class GuestOutput implements Disposable {
  #chunks: Uint8Array[] = [];
  #chunk = new Uint8Array(chunkSize);
  #used = 0;
  #stand: Stand | undefined;
  #scheduled: NodeJS.Immediate | undefined;
  readonly #gate: Disposable;

  constructor(
    private readonly stream: Output,
    private readonly serial: Pick<SerialConsole, 'addGate' | 'events'>,
    private readonly standing: Standing,
  ) {
    this.#gate = serial.addGate(() => this.#stand?.over);
    serial.events.on('output', this.#show);
  }

  /** What has not been written yet is written. */
  [Symbol.dispose](): void {
    this.serial.events.off('output', this.#show);
    this.stream.off('drain', this.#goOn);
    this.#gate[Symbol.dispose]();
    this.#stand?.end();
    this.#stand = undefined;
    clearImmediate(this.#scheduled);
    while (this.#write());
  }

  readonly #show = (bytes: Uint8Array): void => {
    for (let from = 0; from < bytes.length; ) {
      const count = Math.min(bytes.length - from, chunkSize - this.#used);
      this.#chunk.set(bytes.subarray(from, from + count), this.#used);
      this.#used += count;
      from += count;
      if (this.#used === chunkSize) this.#close();
    }
    if (this.#stand) return;
    if (this.#chunks.length > 0) this.#flush();
    else this.#scheduled ??= setImmediate(this.#flush);
  };

  readonly #flush = (): void => {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    while (!this.#stand && this.#write());
  };

  readonly #goOn = (): void => {
    const stand = this.#stand;
    this.#stand = undefined;
    this.#flush();
    stand?.end();
  };

  /** Writes one chunk, if there is one; when no more fits for now, the machine stands. */
  #write(): boolean {
    if (this.#chunks.length === 0) this.#close();
    const chunk = this.#chunks.shift();
    if (!chunk) return false;
    if (this.stream.write(chunk) || this.#stand) return true;
    this.#stand = this.standing.begin();
    this.stream.once('drain', this.#goOn);
    return true;
  }

  #close(): void {
    if (this.#used === 0) return;
    this.#chunks.push(this.#chunk.slice(0, this.#used));
    this.#used = 0;
  }
}
