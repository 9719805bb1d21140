/**
 * Input that comes from a pipe or a file: `echo poweroff | virt64 run`. A driver empties the receiver when it opens a serial port, so what
 * is piped waits until the guest listens. In real time it then goes in as it comes. Under the virtual clock the machine stands whenever
 * there is room for more, until that much or the end of the input is here: so when it arrives follows from virtual time alone.
 */
import type { Readable } from 'node:stream';
import type { SerialConsole } from '#machines';
import type { Stand, Standing } from './standing.ts';

export interface PipedInputOptions {
  readonly serial: Pick<SerialConsole, 'addGate' | 'type' | 'waiting' | 'listens'>;
  readonly clock: 'virtual' | 'host';
  readonly standing: Standing;
  /** The machine has stood for a while; told once. */
  readonly onWait: () => void;
}

/** The device is given more when less than the first waits in it, up to the second. */
const low = 2 ** 15;
const high = 2 ** 16;
/** Milliseconds. */
const patience = 1000;

export class PipedInput implements Disposable {
  #held: Buffer = Buffer.alloc(0);
  #ended = false;
  #stand: Stand | undefined;
  #notice: NodeJS.Timeout | undefined;
  #noticed = false;
  readonly #gate: Disposable;

  constructor(
    private readonly stream: Readable,
    private readonly options: PipedInputOptions,
  ) {
    this.#gate = options.serial.addGate(() => this.#pass());
    stream.on('data', this.#take);
    stream.on('end', this.#end);
    stream.resume();
  }

  [Symbol.dispose](): void {
    this.stream.off('data', this.#take);
    this.stream.off('end', this.#end);
    this.#gate[Symbol.dispose]();
    this.#goOn();
  }

  readonly #take = (data: Buffer): void => {
    this.#held = Buffer.concat([this.#held, data]);
    if (this.options.clock === 'host') this.#pass();
    if (this.#stand) this.#look();
    if (this.#held.length >= high) this.stream.pause();
  };

  readonly #end = (): void => {
    this.#ended = true;
    if (this.#stand) this.#look();
  };

  /** The machine asks between slices. */
  #pass(): Promise<void> | undefined {
    const { serial, clock } = this.options;
    if ((this.#ended && this.#held.length === 0) || !serial.listens || serial.waiting >= low) return undefined;
    if (clock === 'host' || this.#isEnough) this.#type();
    else this.#wait();
    return this.#stand?.over;
  }

  get #room(): number {
    return high - this.options.serial.waiting;
  }

  get #isEnough(): boolean {
    return this.#ended || this.#held.length >= this.#room;
  }

  #type(): void {
    const data = this.#held.subarray(0, this.#room);
    this.#held = this.#held.subarray(data.length);
    if (data.length > 0) this.options.serial.type(data);
    if (this.#held.length < high) this.stream.resume();
  }

  #wait(): void {
    if (this.#stand) return;
    this.#stand = this.options.standing.begin();
    this.stream.resume();
    if (this.#noticed) return;
    this.#notice = setTimeout(() => {
      this.#noticed = true;
      this.options.onWait();
    }, patience);
  }

  #look(): void {
    if (!this.#isEnough) return;
    this.#type();
    this.#goOn();
  }

  #goOn(): void {
    clearTimeout(this.#notice);
    this.#stand?.end();
    this.#stand = undefined;
  }
}
