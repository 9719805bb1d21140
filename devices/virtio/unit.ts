import type { GuestMemory } from '#core';
import { DeviceStatus, type FeatureWords, featureWords, hasFeature, RingFeature } from './identifiers.ts';
import type { VirtioModel, VirtioPort } from './model.ts';
import { type QueueOwner, SplitQueue } from './queue/split.ts';

/** What a unit asks of its transport. */
export interface Transport {
  /** Whether the bus lets the device use memory. */
  readonly master: boolean;
  queueInterrupt(queue: number): void;
  configurationInterrupt(): void;
}

/** Any virtio device, whatever it is and whatever carries it: status, features, queues (virtio 1.2, chapters 2 and 3). */
export class VirtioUnit implements QueueOwner, VirtioPort {
  readonly offered: FeatureWords;
  readonly queues: readonly SplitQueue[];
  state = initial();
  /** Why the device needs a reset; for people. */
  complaint = '';

  constructor(
    readonly model: VirtioModel,
    readonly memory: GuestMemory,
    private readonly transport: Transport,
  ) {
    const { indirect, eventIndex, version1 } = RingFeature;
    this.offered = featureWords([...model.features, indirect, eventIndex, version1]);
    this.queues = model.queues.map((form, index) => new SplitQueue(index, form, this));
    model.attach(this);
  }

  get status(): number {
    return this.state.status;
  }

  get live(): boolean {
    const { driverOk, needsReset } = DeviceStatus;
    return (this.state.status & (driverOk | needsReset)) === driverOk && this.transport.master;
  }

  hasFeature(bit: number): boolean {
    return hasFeature(this.state.features, bit);
  }

  /** Zero resets. Other bits only accumulate; features are accepted or not when the driver says that it has chosen. */
  writeStatus(status: number): void {
    if (status === 0) {
      this.reset();
      return;
    }
    const { featuresOk, driverOk, needsReset } = DeviceStatus;
    const before = this.state.status;
    let added = status & ~before & ~needsReset;
    if (added & featuresOk && !this.#featuresAcceptable) added &= ~featuresOk;
    // A driver that has not agreed on features drives nothing.
    if (added & driverOk && !((before | added) & featuresOk)) added &= ~driverOk;
    this.state.status = before | added;
    if (added & driverOk) this.serveAll();
  }

  writeFeatures(word: number, value: number): void {
    if (word < 2 && !(this.state.status & DeviceStatus.featuresOk)) this.state.features[word] = value;
  }

  notify(index: number): void {
    const queue = this.queues[index];
    if (queue?.state.enabled && this.live) this.model.serve(queue);
  }

  serveAll(): void {
    for (const queue of this.queues) this.notify(queue.index);
  }

  /** After a restore, or when the bus lets the device use memory again. */
  resume(): void {
    if (!this.live) return;
    this.model.resume();
    this.serveAll();
  }

  /** Changes with the configuration, so that a driver which reads it by pieces can tell (virtio 1.2, 2.5.1). */
  generation = 0;

  configurationChanged(): void {
    this.generation = (this.generation + 1) & 0xff;
    if (this.state.status & DeviceStatus.driverOk) this.transport.configurationInterrupt();
  }

  interrupt(queue: number): void {
    this.transport.queueInterrupt(queue);
  }

  fail(reason: string): void {
    if (this.state.status & DeviceStatus.needsReset) return;
    this.complaint = reason;
    this.state.status |= DeviceStatus.needsReset;
    if (this.state.status & DeviceStatus.driverOk) this.transport.configurationInterrupt();
  }

  reset(): void {
    this.state = initial();
    this.complaint = '';
    for (const queue of this.queues) queue.reset();
    this.model.reset();
  }

  get #featuresAcceptable(): boolean {
    const { features } = this.state;
    const isOffered = features.every((word, index) => (word & ~this.offered[index]) === 0);
    return isOffered && this.hasFeature(RingFeature.version1);
  }
}

const initial = () => ({ status: 0, features: [0, 0] });
