import type { GuestMemory } from '#core';

/** The machine that a driver runs on: ours, or QEMU's. */
export interface Guest {
  /** Configuration space. */
  read(slot: number, register: number, size?: 1 | 2 | 4): number;
  write(slot: number, register: number, value: number, size?: 1 | 2 | 4): void;
  /** Memory-mapped registers. */
  load(address: number, size?: 1 | 2 | 4 | 8): number;
  store(address: number, value: number, size?: 1 | 2 | 4 | 8): void;
  readonly memory: Pick<
    GuestMemory,
    'read8' | 'read16' | 'read32' | 'write8' | 'write16' | 'write32' | 'write64' | 'fill'
  >;
  /** Lets time pass; where it is real, until something that is expected has happened. */
  advance(nanoseconds: number, expected?: () => boolean): Promise<void>;
}

/** What a driver does with a modern virtio function (virtio 1.2, 3.1 and 4.1), written from the driver's side of the specification. */

const Common = {
  deviceFeatureSelect: 0x00,
  deviceFeature: 0x04,
  driverFeatureSelect: 0x08,
  driverFeature: 0x0c,
  configurationVector: 0x10,
  numQueues: 0x12,
  status: 0x14,
  queueSelect: 0x16,
  queueSize: 0x18,
  queueVector: 0x1a,
  queueEnable: 0x1c,
  notifyOff: 0x1e,
  descriptors: 0x20,
  driver: 0x28,
  device: 0x30,
} as const;

export const features = { indirect: 28, eventIndex: 29, version1: 32 } as const;

export interface Buffer {
  readonly at: number;
  readonly length: number;
  readonly writable?: boolean;
}

interface Structure {
  readonly at: number;
  readonly length: number;
}

export class Driver {
  readonly structures: Record<number, Structure> = {};
  multiplier = 0;

  constructor(
    readonly bench: Guest,
    readonly slot: number,
  ) {
    for (let at = bench.read(slot, 0x34, 1); at; at = bench.read(slot, at + 1, 1)) {
      if (bench.read(slot, at, 1) !== 9) continue;
      const type = bench.read(slot, at + 3, 1);
      if (type === 5) continue;
      const bar = bench.read(slot, 0x10 + 4 * bench.read(slot, at + 4, 1)) & ~15;
      this.structures[type] = { at: (bar >>> 0) + bench.read(slot, at + 8), length: bench.read(slot, at + 12) };
      if (type === 2) this.multiplier = bench.read(slot, at + 16);
    }
  }

  get common(): number {
    return this.structures[1].at;
  }

  get status(): number {
    return this.bench.load(this.common + Common.status, 1);
  }

  set status(value: number) {
    this.bench.store(this.common + Common.status, value, 1);
  }

  readCommon(field: keyof typeof Common, size: 1 | 2 | 4): number {
    return this.bench.load(this.common + Common[field], size);
  }

  writeCommon(field: keyof typeof Common, value: number, size: 1 | 2 | 4 | 8): void {
    this.bench.store(this.common + Common[field], value, size);
  }

  offers(bit: number): boolean {
    this.writeCommon('deviceFeatureSelect', bit >> 5, 4);
    return ((this.readCommon('deviceFeature', 4) >>> (bit & 31)) & 1) === 1;
  }

  accept(bits: readonly number[]): void {
    for (const word of [0, 1]) {
      const value = bits.filter(bit => bit >> 5 === word).reduce((sum, bit) => sum + 2 ** (bit & 31), 0);
      this.writeCommon('driverFeatureSelect', word, 4);
      this.writeCommon('driverFeature', value, 4);
    }
  }

  /** Bus master, reset, acknowledge, features, queues, running. Queue n lies at 0x1_0000 * (n + 1). */
  start(bits: readonly number[] = [features.version1], size = 8): Queue[] {
    this.bench.write(this.slot, 0x04, 6, 2);
    this.status = 0;
    this.status = 1;
    this.status = 3;
    this.accept(bits);
    this.status = 11;
    if (this.status !== 11) throw new Error('features refused');
    const queues = Array.from({ length: this.readCommon('numQueues', 2) }, (_, index) =>
      this.enable(index, size, 0x1_0000 * (index + 1), bits.includes(features.eventIndex)),
    );
    this.status = 15;
    return queues;
  }

  enable(index: number, size: number, at: number, eventIndex = false): Queue {
    this.writeCommon('queueSelect', index, 2);
    this.writeCommon('queueSize', size, 2);
    const queue = new Queue(this, index, size, at, eventIndex);
    this.writeCommon('descriptors', queue.descriptors, 8);
    this.writeCommon('driver', queue.driver, 4);
    this.bench.store(this.common + Common.driver + 4, 0);
    this.writeCommon('device', queue.device, 8);
    this.writeCommon('queueEnable', 1, 2);
    return queue;
  }

  notify(index: number): void {
    this.writeCommon('queueSelect', index, 2);
    const off = this.readCommon('notifyOff', 2);
    this.bench.store(this.structures[2].at + off * this.multiplier, index, 2);
  }

  /** Reading it takes the interrupt back. */
  interruptStatus(): number {
    return this.bench.load(this.structures[3].at, 1);
  }

  /** Turns MSI-X on: vector n is message 0x50 + n to processor 0. */
  useMessages(): void {
    const { bench, slot } = this;
    const table = (bench.read(slot, 0x14) & ~15) >>> 0;
    const vectors = (bench.read(slot, 0x42, 2) & 0x7ff) + 1;
    for (let vector = 0; vector < vectors; vector++) {
      bench.store(table + 16 * vector, 0xfee0_0000);
      bench.store(table + 16 * vector + 8, 0x50 + vector);
      bench.store(table + 16 * vector + 12, 0);
    }
    bench.write(slot, 0x42, 0x8000, 2);
    this.writeCommon('configurationVector', 0, 2);
    for (let queue = 0; queue + 1 < vectors; queue++) {
      this.writeCommon('queueSelect', queue, 2);
      this.writeCommon('queueVector', queue + 1, 2);
    }
  }
}

/** The driver's view of a split queue (2.7), in guest RAM. */
export class Queue {
  readonly descriptors: number;
  readonly driver: number;
  readonly device: number;
  #available = 0;
  #seen = 0;
  #free = 0;

  constructor(
    readonly owner: Driver,
    readonly index: number,
    readonly size: number,
    at: number,
    readonly eventIndex: boolean,
  ) {
    this.descriptors = at;
    this.driver = at + 16 * size;
    this.device = (this.driver + 6 + 2 * size + 3) & ~3;
    owner.bench.memory.fill(at, this.device + 6 + 8 * size - at, 0);
  }

  describe(
    index: number,
    { at, length, writable = false }: Buffer,
    next?: number,
    flags = 0,
    table = this.descriptors,
  ): void {
    const { memory } = this.owner.bench;
    const entry = table + 16 * index;
    memory.write64(entry, BigInt(at));
    memory.write32(entry + 8, length);
    memory.write16(entry + 12, flags | (writable ? 2 : 0) | (next === undefined ? 0 : 1));
    memory.write16(entry + 14, next ?? 0);
  }

  /** Writes a chain into the table and answers its head. */
  chain(buffers: readonly Buffer[]): number {
    const head = this.#free;
    buffers.forEach((buffer, index) => {
      const last = index === buffers.length - 1;
      const place = this.#free;
      this.#free = (this.#free + 1) % this.size;
      this.describe(place, buffer, last ? undefined : this.#free);
    });
    return head;
  }

  offer(head: number): void {
    const { memory } = this.owner.bench;
    memory.write16(this.driver + 4 + 2 * (this.#available % this.size), head);
    this.#available = (this.#available + 1) & 0xffff;
    memory.write16(this.driver + 2, this.#available);
  }

  submit(...buffers: readonly Buffer[]): number {
    const head = this.chain(buffers);
    this.offer(head);
    this.owner.notify(this.index);
    return head;
  }

  /** What was used since the last look. */
  used(): { head: number; written: number }[] {
    const { memory } = this.owner.bench;
    const used: { head: number; written: number }[] = [];
    for (; this.#seen !== memory.read16(this.device + 2); this.#seen = (this.#seen + 1) & 0xffff) {
      const entry = this.device + 4 + 8 * (this.#seen % this.size);
      used.push({ head: memory.read32(entry), written: memory.read32(entry + 4) });
    }
    return used;
  }

  /** The driver asks for an interrupt when this entry has been used. */
  set wantedEvent(index: number) {
    this.owner.bench.memory.write16(this.driver + 4 + 2 * this.size, index);
  }

  get notificationEvent(): number {
    return this.owner.bench.memory.read16(this.device + 4 + 8 * this.size);
  }
}
