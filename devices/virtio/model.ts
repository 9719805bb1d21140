import type { StateFields } from '#core';
import type { QueueForm, SplitQueue } from './queue/split.ts';

/** What makes a virtio device a disk, a console …; it knows queues and chains, and neither rings nor transports. */
export interface VirtioModel {
  /** One of VirtioId. */
  readonly id: number;
  /** Bits of its own kind; those of rings and of version 1 are added. */
  readonly features: readonly number[];
  readonly queues: readonly QueueForm[];
  /** The device-specific configuration that drivers read; its length never changes. */
  readonly configuration: Uint8Array;
  /** A driver wrote configuration bytes. */
  configure?(offset: number, bytes: Uint8Array): void;
  /** Called once, before anything else. */
  attach(port: VirtioPort): void;
  /** The device is live and there may be chains in this queue. */
  serve(queue: SplitQueue): void;
  /** The device is live again, after a restore or while it might not use memory: what was under way is to be done anew. */
  resume(): void;
  reset(): void;
  /** Volatile state besides the queues: a plain record, of the form that `stateForm` gives. */
  stateForm(): StateFields;
  readonly state: StateFields;
  load(state: StateFields): void;
}

/** What a model asks of the device that it is part of. */
export interface VirtioPort {
  readonly queues: readonly SplitQueue[];
  /** Driven, not broken, and allowed to use memory: only then may chains be taken or finished. */
  readonly live: boolean;
  hasFeature(bit: number): boolean;
  /** Tells the driver that the configuration is another one now. */
  configurationChanged(): void;
}
