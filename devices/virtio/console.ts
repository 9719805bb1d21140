import type { StateFields } from '#core';
import { ByteQueue } from './byte-queue.ts';
import { VirtioId } from './identifiers.ts';
import type { VirtioModel, VirtioPort } from './model.ts';
import type { SplitQueue } from './queue/split.ts';

const ConsoleFeature = { size: 0, emergencyWrite: 2 } as const;

/** In characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** In the configuration: columns, rows, ports, and the register for a dying guest's last words. */
const emergencyWrite = 8;
const configurationLength = 12;

/** Of a chain. With the places of a queue, it bounds what one notification makes the device do. */
const longest = 2 ** 16;
const size = 64;

/** So much input waits for a driver, no more. */
export const mostInput = 2 ** 20;

const Queue = { receive: 0, transmit: 1 } as const;

/** Console with one port (virtio 1.2, 5.3). */
export class Console implements VirtioModel {
  readonly id = VirtioId.console;
  readonly features: readonly number[];
  readonly queues = [
    { name: 'receive', size, longest },
    { name: 'transmit', size, longest },
  ];
  readonly configuration = new Uint8Array(configurationLength);

  #port!: VirtioPort;
  /** Input that the driver has made no room for yet. */
  readonly #waiting = new ByteQueue(mostInput);

  /** `terminal`: it has a size, which drivers follow. */
  constructor(
    private readonly output: (data: Uint8Array) => void,
    terminal?: TerminalSize,
  ) {
    this.features = [...(terminal ? [ConsoleFeature.size] : []), ConsoleFeature.emergencyWrite];
    if (terminal) this.#setSize(terminal);
  }

  /** The terminal has another size now: the driver hears of it. */
  resize(terminal: TerminalSize): void {
    this.#setSize(terminal);
    this.#port.configurationChanged();
  }

  #setSize({ columns, rows }: TerminalSize): void {
    const view = new DataView(this.configuration.buffer);
    view.setUint16(0, columns, true);
    view.setUint16(2, rows, true);
  }

  /** Something was typed. Answers how many bytes were taken: what finds no room is lost. */
  input(data: Uint8Array): number {
    const taken = this.#waiting.push(data);
    if (this.#port.live) this.#receive(this.#port.queues[Queue.receive]);
    return taken;
  }

  attach(port: VirtioPort): void {
    this.#port = port;
  }

  serve(queue: SplitQueue): void {
    if (queue.index === Queue.receive) this.#receive(queue);
    else this.#transmit(queue);
  }

  configure(offset: number, bytes: Uint8Array): void {
    if (offset === emergencyWrite) this.output(bytes.subarray(0, 1));
  }

  resume(): void {}

  /** A driver that starts has not heard anything yet: what was typed before stays. */
  reset(): void {}

  forgetInput(): void {
    this.#waiting.clear();
  }

  stateForm() {
    return { waiting: [] as number[] };
  }

  get state() {
    return { waiting: [...this.#waiting.bytes] };
  }

  load(state: StateFields): void {
    this.#waiting.clear();
    this.#waiting.push(Uint8Array.from((state as { waiting: number[] }).waiting));
  }

  #receive(queue: SplitQueue): void {
    const waiting = this.#waiting;
    queue.drain(
      chain => chain.write(0, waiting.shift(chain.writableLength)),
      () => waiting.length > 0,
    );
  }

  #transmit(queue: SplitQueue): void {
    queue.drain(chain => {
      if (chain.readableLength > 0) this.output(chain.read(0, chain.readableLength));
      return 0;
    });
  }
}
