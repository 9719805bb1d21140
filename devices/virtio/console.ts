import type { StateFields } from '#core';
import { VirtioId } from './identifiers.ts';
import type { VirtioModel, VirtioPort } from './model.ts';
import type { SplitQueue } from './queue/split.ts';

const ConsoleFeature = { emergencyWrite: 2 } as const;

/** In the configuration: columns, rows, ports, and the register for a dying guest's last words. */
const emergencyWrite = 8;
const configurationLength = 12;

const longest = 2 ** 20;

const Queue = { receive: 0, transmit: 1 } as const;

/** Console with one port (virtio 1.2, 5.3). */
export class Console implements VirtioModel {
  readonly id = VirtioId.console;
  readonly features = [ConsoleFeature.emergencyWrite];
  readonly queues = [
    { name: 'receive', size: 128, longest },
    { name: 'transmit', size: 128, longest },
  ];
  readonly configuration = new Uint8Array(configurationLength);

  #port!: VirtioPort;
  /** Input that the driver has made no room for yet. */
  #waiting: number[] = [];

  constructor(private readonly output: (data: Uint8Array) => void) {}

  /** Something was typed. */
  input(data: Uint8Array): void {
    for (const byte of data) this.#waiting.push(byte);
    if (this.#port.live) this.#receive(this.#port.queues[Queue.receive]!);
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
    this.#waiting = [];
  }

  stateForm() {
    return { waiting: [] as number[] };
  }

  get state() {
    return { waiting: this.#waiting };
  }

  load(state: StateFields): void {
    this.#waiting = [...(state as { waiting: number[] }).waiting];
  }

  #receive(queue: SplitQueue): void {
    while (this.#waiting.length > 0) {
      const chain = queue.take();
      if (!chain) return;
      const bytes = this.#waiting.splice(0, chain.writableLength);
      queue.finish(chain, chain.write(0, Uint8Array.from(bytes)));
    }
  }

  #transmit(queue: SplitQueue): void {
    for (let chain = queue.take(); chain; chain = queue.take()) {
      if (chain.readableLength > 0) this.output(chain.read(0, chain.readableLength));
      queue.finish(chain, 0);
    }
  }
}
