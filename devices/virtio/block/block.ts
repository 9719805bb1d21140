import type { Clock, HostTaskResult, HostTasks, StateFields } from '#core';
import { VirtioId } from '../identifiers.ts';
import type { VirtioModel, VirtioPort } from '../model.ts';
import type { Chain } from '../queue/chain.ts';
import type { SplitQueue } from '../queue/split.ts';
import { Job, pieceLength } from './job.ts';
import { BlockFeature, blockConfiguration } from './layout.ts';
import type { Medium } from './perform.ts';
import { parseRequest } from './request.ts';

export interface BlockParts extends Medium {
  readonly clock: Clock;
  readonly tasks: HostTasks;
}

/** A solid-state disk, roughly: the time of any request, and of each of its bytes, in nanoseconds. */
const latency = 20_000;
const byteTime = 0.5;

const longest = 2 ** 28;

/** No more requests are taken while so many are under way or given up but not over, or while they take so many bytes. */
export const mostRequests = 64;
export const enoughBytes = 2 ** 24;

/** In a saved state, the head of a request that nobody waits for any more. */
const nobody = -1;

/** A request that was saved, until it is taken up again. */
interface Saved {
  readonly head: number;
  readonly due: number;
}

/** Block device (virtio 1.2, 5.2). Requests are done one after the other, so that what they see of each other is certain. */
export class Block implements VirtioModel {
  readonly id = VirtioId.block;
  readonly features: readonly number[];
  readonly queues = [{ name: 'requests', size: 256, longest }];
  readonly configuration: Uint8Array;

  #port!: VirtioPort;
  readonly #pending = new Set<Job>();
  /** What `#pending` costs. */
  #bytes = 0;
  /** It goes alone: what comes after it waits until it is answered. */
  #long: Job | undefined;
  #saved: Saved[] = [];
  /** Given up by a reset, while the host's work or its time is not over: a guest that resets gains nothing by it. */
  #abandoned = new Set<{ readonly ends: number }>();
  #work: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: BlockParts) {
    this.configuration = blockConfiguration(parts.disk.size);
    const { sizeMax, segmentMax, readOnly, blockSize, flush, writeZeroes } = BlockFeature;
    this.features = [sizeMax, segmentMax, blockSize, flush, parts.readOnly ? readOnly : writeZeroes];
  }

  attach(port: VirtioPort): void {
    this.#port = port;
  }

  /** What was saved goes before what is new. Whatever has no room waits in the ring until something is over. */
  serve(queue: SplitQueue): void {
    const { now } = this.parts.clock;
    while (this.#port.live && this.#hasRoom) {
      const saved = this.#saved.shift();
      const chain = saved ? queue.chainAt(saved.head) : queue.take();
      if (!chain) return;
      this.#begin(queue, chain, saved ? Math.max(now, saved.due) : now + latency + Math.ceil(chain.length * byteTime));
    }
  }

  resume(): void {
    const saved = this.#unanswered;
    this.#giveUp();
    this.#saved = saved;
    this.serve(this.#port.queues[0]);
  }

  reset(): void {
    this.#giveUp();
  }

  stateForm() {
    return { heads: [] as number[], due: [] as number[] };
  }

  get state() {
    const all = [...this.#unanswered, ...Array.from(this.#abandoned, ({ ends }) => ({ head: nobody, due: ends }))];
    return { heads: all.map(({ head }) => head), due: all.map(({ due }) => due) };
  }

  load(state: StateFields): void {
    this.#giveUp();
    const { heads, due } = state as ReturnType<Block['stateForm']>;
    const all = heads.map((head, index) => ({ head, due: due[index] ?? 0 }));
    this.#saved = all.filter(({ head }) => head !== nobody);
    // What this machine did before the restore does not count: it has to go on as another one would.
    this.#abandoned = new Set(all.filter(({ head }) => head === nobody).map(({ due }) => ({ ends: due })));
    const { clock } = this.parts;
    for (const each of this.#abandoned) {
      const time = Math.min(each.ends - clock.now, latency + pieceLength);
      clock.schedule(clock.now + Math.max(0, time), () => this.#release(each));
    }
  }

  /** After all that is under way. */
  async flush(): Promise<void> {
    await this.#work;
    await this.parts.disk.flush();
  }

  get #unanswered(): Saved[] {
    return [...Array.from(this.#pending, ({ chain: { head }, due }) => ({ head, due })), ...this.#saved];
  }

  get #hasRoom(): boolean {
    const count = this.#pending.size + this.#abandoned.size;
    return !this.#long && count < mostRequests && this.#bytes < enoughBytes;
  }

  #giveUp(): void {
    for (const job of this.#pending) {
      job.giveUp();
      if (job.isUnderWay) this.#abandoned.add(job);
    }
    this.#pending.clear();
    this.#bytes = 0;
    this.#long = undefined;
    this.#saved = [];
  }

  #begin(queue: SplitQueue, chain: Chain, due: number): void {
    const request = parseRequest(chain);
    if (!request) {
      queue.fail('a request without header or status');
      return;
    }
    const job = new Job(chain, request, due);
    this.#pending.add(job);
    this.#bytes += job.cost;
    if (job.isLong) this.#long = job;
    this.#step(queue, job);
  }

  /** The last piece ends when the request is due, those before it so much earlier as what is left takes. */
  #step(queue: SplitQueue, job: Job): void {
    const { clock, tasks } = this.parts;
    const time = Math.max(0, job.due - Math.ceil(job.rest * byteTime) - clock.now);
    job.prepare(clock.now + time);
    const medium = { ...this.parts, writesThrough: !this.#port.hasFeature(BlockFeature.flush) };
    const work = this.#work.then(() => job.perform(medium));
    this.#work = work.catch(() => undefined);
    tasks.perform(work, time, result => this.#end(queue, job, result));
  }

  #end(queue: SplitQueue, job: Job, result: HostTaskResult<void>): void {
    if ('error' in result) throw result.error;
    job.isUnderWay = false;
    if (job.isGivenUp) {
      this.#release(job);
      return;
    }
    // Without bus mastering the answer has to wait: the request is done anew when the bus is free again.
    if (!this.#port.live) return;
    if (!job.advance()) {
      this.#step(queue, job);
      return;
    }
    this.#pending.delete(job);
    this.#bytes -= job.cost;
    if (this.#long === job) this.#long = undefined;
    queue.finish(job.chain, job.conclude());
    this.#goOn();
  }

  /** What was given up is over. */
  #release(job: { readonly ends: number }): void {
    if (this.#abandoned.delete(job)) this.#goOn();
  }

  #goOn(): void {
    const queue = this.#port.queues[0];
    if (queue.state.enabled && this.#port.live) this.serve(queue);
  }
}
