import type { BlockBackend, Clock, HostTasks, StateFields } from '#core';
import { VirtioId } from '../identifiers.ts';
import type { VirtioModel, VirtioPort } from '../model.ts';
import type { Chain } from '../queue/chain.ts';
import type { SplitQueue } from '../queue/split.ts';
import { BlockFeature, blockConfiguration } from './layout.ts';
import { type Answer, type Medium, perform } from './perform.ts';
import { type BlockRequest, parseRequest } from './request.ts';

export interface BlockParts extends Medium {
  readonly clock: Clock;
  readonly tasks: HostTasks;
}

/** A solid-state disk, roughly: the time of any request, and of each of its bytes, in nanoseconds. */
const latency = 20_000;
const byteTime = 0.5;

const longest = 2 ** 28;

/** No more requests are taken while so many bytes are under way. */
const enough = 2 ** 26;

interface Pending {
  readonly chain: Chain;
  /** When the driver hears of it. */
  readonly due: number;
}

/** Block device (virtio 1.2, 5.2). Requests are done one after the other, so that what they see of each other is certain. */
export class Block implements VirtioModel {
  readonly id = VirtioId.block;
  readonly features: readonly number[];
  readonly queues = [{ name: 'requests', size: 256, longest }];
  readonly configuration: Uint8Array;

  #port!: VirtioPort;
  #pending: Pending[] = [];
  /** Heads and times of requests that were saved, until they are taken up again. */
  #saved = this.stateForm();
  #work: Promise<unknown> = Promise.resolve();
  /** Work that was begun before a reset or a restore is nobody's any more. */
  #epoch = 0;

  constructor(private readonly parts: BlockParts) {
    this.configuration = blockConfiguration(parts.disk.size);
    const { sizeMax, segmentMax, readOnly, blockSize, flush, writeZeroes } = BlockFeature;
    this.features = [sizeMax, segmentMax, blockSize, flush, parts.readOnly ? readOnly : writeZeroes];
  }

  attach(port: VirtioPort): void {
    this.#port = port;
  }

  serve(queue: SplitQueue): void {
    while (this.#bytes < enough) {
      const chain = queue.take();
      if (!chain) return;
      this.#begin(queue, chain, latency + Math.ceil(chain.length * byteTime));
    }
  }

  resume(): void {
    const { heads, due } = this.state;
    this.#forget();
    const queue = this.#port.queues[0]!;
    for (const [index, head] of heads.entries()) {
      const chain = queue.chainAt(head);
      if (!chain) return;
      this.#begin(queue, chain, Math.max(0, due[index]! - this.parts.clock.now));
    }
  }

  reset(): void {
    this.#forget();
  }

  stateForm() {
    return { heads: [] as number[], due: [] as number[] };
  }

  get state() {
    return {
      heads: [...this.#saved.heads, ...this.#pending.map(({ chain }) => chain.head)],
      due: [...this.#saved.due, ...this.#pending.map(({ due }) => due)],
    };
  }

  load(state: StateFields): void {
    this.#forget();
    const { heads, due } = state as ReturnType<Block['stateForm']>;
    this.#saved = { heads, due: heads.map((_, index) => due[index] ?? 0) };
  }

  get #bytes(): number {
    return this.#pending.reduce((sum, { chain }) => sum + chain.length, 0);
  }

  #forget(): void {
    this.#epoch++;
    this.#pending = [];
    this.#saved = this.stateForm();
  }

  #begin(queue: SplitQueue, chain: Chain, time: number): void {
    const request = parseRequest(chain);
    if (!request) {
      queue.fail('a request without header or status');
      return;
    }
    const epoch = this.#epoch;
    const pending = { chain, due: this.parts.clock.now + time };
    this.#pending.push(pending);
    this.parts.tasks.perform(this.#perform(request), time, result => {
      if ('error' in result) throw result.error;
      // Without bus mastering the answer has to wait: the request is done anew when the bus is free again.
      if (epoch !== this.#epoch || !this.#port.live) return;
      this.#pending.splice(this.#pending.indexOf(pending), 1);
      queue.finish(chain, answer(request, result.value));
      if (queue.state.enabled && this.#port.live) this.serve(queue);
    });
  }

  #perform(request: BlockRequest): Promise<Answer> {
    const { parts } = this;
    const cached = this.#port.hasFeature(BlockFeature.flush);
    const medium = cached ? parts : { ...parts, disk: writeThrough(parts.disk) };
    const result = this.#work.then(() => perform(medium, request));
    this.#work = result.catch(() => undefined);
    return result;
  }
}

/** A driver that cannot flush must find each write on the medium when it ends (5.2.6.2). */
const writeThrough = (disk: BlockBackend): BlockBackend => ({
  size: disk.size,
  readOnly: disk.readOnly,
  read: (at, into) => disk.read(at, into),
  flush: () => disk.flush(),
  async write(at, from) {
    await disk.write(at, from);
    await disk.flush();
  },
});

/** Writes what the driver gets, zeros where there are no data, the status last. */
function answer({ chain, room }: BlockRequest, { status, data }: Answer): number {
  if (data.length > 0) chain.write(0, data.subarray(0, room));
  if (data.length < room) chain.write(data.length, new Uint8Array(room - data.length));
  chain.write(room, Uint8Array.of(status));
  return room + 1;
}
