import type { Entropy } from '#core';
import { VirtioId } from './identifiers.ts';
import type { VirtioModel } from './model.ts';
import type { SplitQueue } from './queue/split.ts';

/** A request gets no more at once; the driver asks again. */
const portion = 0x1000;

/** Entropy device (virtio 1.2, 5.4). */
export class Rng implements VirtioModel {
  readonly id = VirtioId.entropy;
  readonly features = [];
  readonly queues = [{ name: 'requests', size: 64, longest: 2 ** 32 }];
  readonly configuration = new Uint8Array(0);
  constructor(private readonly entropy: Entropy) {}

  serve(queue: SplitQueue): void {
    queue.drain(chain => {
      const bytes = new Uint8Array(Math.min(portion, chain.writableLength));
      this.entropy.fill(bytes);
      return chain.write(0, bytes);
    });
  }

  attach(): void {}
  resume(): void {}
  reset(): void {}

  /** The source is the machine's to save. */
  stateForm() {
    return {};
  }

  readonly state = {};

  load(): void {}
}
