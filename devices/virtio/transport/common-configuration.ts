import type { SplitQueue } from '../queue/split.ts';
import type { VirtioUnit } from '../unit.ts';
import type { Area } from './areas.ts';

/** The interrupt vector that means none. */
export const noVector = 0xffff;

/** The registers' own state; addresses and sizes are the queues'. */
export const commonForm = (queues: number) => ({
  offeredSelect: 0,
  acceptedSelect: 0,
  queueSelect: 0,
  configurationVector: noVector as number,
  queueVectors: new Array<number>(queues).fill(noVector),
});

export interface CommonParts {
  readonly unit: VirtioUnit;
  readonly state: ReturnType<typeof commonForm>;
  /** How many vectors the transport has. */
  readonly vectors: number;
  /** A driver wrote zero to the status. */
  reset(): void;
}

interface Field {
  readonly size: 1 | 2 | 4;
  read(parts: CommonParts, queue: SplitQueue | undefined): number;
  write?(parts: CommonParts, value: number, queue: SplitQueue | undefined): void;
}

/** Half of an address, which cannot change while its queue is in use. */
const half = (name: 'descriptors' | 'driver' | 'device', word: 0 | 1): Field => ({
  size: 4,
  read: (_parts, queue) => queue?.state[name][word] ?? 0,
  write: (_parts, value, queue) => {
    if (queue && !queue.state.enabled) queue.state[name][word] = value;
  },
});

const vector = (value: number, { vectors }: CommonParts): number => (value < vectors ? value : noVector);

/** struct virtio_pci_common_cfg (virtio 1.2, 4.1.4.3), by offset. */
const fields: Readonly<Record<number, Field>> = {
  0: {
    size: 4,
    read: ({ state }) => state.offeredSelect,
    write: ({ state }, value) => {
      state.offeredSelect = value;
    },
  },
  4: { size: 4, read: ({ unit, state }) => unit.offered[state.offeredSelect] ?? 0 },
  8: {
    size: 4,
    read: ({ state }) => state.acceptedSelect,
    write: ({ state }, value) => {
      state.acceptedSelect = value;
    },
  },
  12: {
    size: 4,
    read: ({ unit, state }) => unit.state.features[state.acceptedSelect] ?? 0,
    write: ({ unit, state }, value) => unit.writeFeatures(state.acceptedSelect, value),
  },
  16: {
    size: 2,
    read: ({ state }) => state.configurationVector,
    write: (parts, value) => {
      parts.state.configurationVector = vector(value, parts);
    },
  },
  18: { size: 2, read: ({ unit }) => unit.queues.length },
  20: {
    size: 1,
    read: ({ unit }) => unit.status,
    write: (parts, value) => (value === 0 ? parts.reset() : parts.unit.writeStatus(value)),
  },
  21: { size: 1, read: ({ unit }) => unit.generation },
  22: {
    size: 2,
    read: ({ state }) => state.queueSelect,
    write: ({ state }, value) => {
      state.queueSelect = value;
    },
  },
  24: {
    size: 2,
    read: (_parts, queue) => queue?.state.size ?? 0,
    write: (_parts, value, queue) => queue?.resize(value),
  },
  26: {
    size: 2,
    read: ({ state }) => state.queueVectors[state.queueSelect] ?? noVector,
    write: (parts, value, queue) => {
      if (queue) parts.state.queueVectors[queue.index] = vector(value, parts);
    },
  },
  28: {
    size: 2,
    read: (_parts, queue) => Number(queue?.state.enabled ?? false),
    write: (_parts, value, queue) => {
      if (queue && value === 1) queue.state.enabled = true;
    },
  },
  30: { size: 2, read: ({ state }) => state.queueSelect },
  32: half('descriptors', 0),
  36: half('descriptors', 1),
  40: half('driver', 0),
  44: half('driver', 1),
  48: half('device', 0),
  52: half('device', 1),
};

export const commonLength = 0x38;

/** Reads may take any part of the structure; a write must meet a field exactly, as drivers are obliged to. */
export const commonConfiguration = (parts: CommonParts): Area => ({
  read(offset, size) {
    let value = 0;
    for (let byte = 0; byte < size; byte++) value |= readByte(parts, offset + byte) << (8 * byte);
    return value >>> 0;
  },
  write(offset, size, value) {
    const field = fields[offset];
    if (field?.size === size) field.write?.(parts, value, parts.unit.queues[parts.state.queueSelect]);
  },
});

function readByte(parts: CommonParts, at: number): number {
  for (let start = at; start >= 0 && start > at - 4; start--) {
    const field = fields[start];
    if (!field || start + field.size <= at) continue;
    return (field.read(parts, parts.unit.queues[parts.state.queueSelect]) >>> (8 * (at - start))) & 0xff;
  }
  return 0;
}
