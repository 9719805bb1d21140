import type { Capability } from '../../pci/capability.ts';
import type { ConfigurationSpace } from '../../pci/configuration.ts';
import { CapabilityId } from '../../pci/registers.ts';
import type { Areas } from './areas.ts';

/** Kinds of structures (virtio 1.2, 4.1.4). */
export const StructureType = { common: 1, notify: 2, interruptStatus: 3, device: 4, access: 5 } as const;

export interface Structure {
  readonly type: number;
  readonly bar: number;
  readonly offset: number;
  readonly length: number;
  /** For notifications: the distance of two queues' addresses. */
  readonly multiplier?: number;
}

const long = (value: number): number[] => [0, 8, 16, 24].map(shift => (value >>> shift) & 0xff);

/** struct virtio_pci_cap: where a structure lies. */
export function structure({ type, bar, offset, length, multiplier }: Structure): Capability {
  const extra = multiplier === undefined ? [] : long(multiplier);
  return {
    id: CapabilityId.vendor,
    body: [16 + extra.length, type, bar, 0, 0, 0, ...long(offset), ...long(length), ...extra],
  };
}

const Field = { bar: 4, offset: 8, length: 12, data: 16, end: 20 } as const;

/**
 * The window for drivers that cannot map BARs (virtio 1.2, 4.1.4.9): an access to its data is an access to the BAR.
 */
export class ConfigurationAccess implements Capability {
  readonly id = CapabilityId.vendor;
  readonly body = [20, StructureType.access, 0, 0, 0, 0, ...long(0), ...long(0), ...long(0)];
  readonly writable = [0, 0, 0xff, 0, 0, 0, ...new Array<number>(12).fill(0xff)];
  #configuration!: ConfigurationSpace;
  #at = 0;

  constructor(
    private readonly bar: number,
    private readonly areas: Areas,
  ) {}

  placed(configuration: ConfigurationSpace, at: number): void {
    this.#configuration = configuration;
    this.#at = at;
  }

  reading(offset: number, size: number): void {
    const target = this.#target(offset, size);
    if (target) this.#configuration.set(this.#at + Field.data, 4, this.areas.readValue(target.offset, target.length));
  }

  written(offset: number, size: number): void {
    const target = this.#target(offset, size);
    if (!target) return;
    this.areas.writeValue(target.offset, target.length, this.#configuration.read(this.#at + Field.data, target.length));
  }

  /** undefined unless the data are accessed and the fields before them make sense. */
  #target(at: number, size: number): { offset: number; length: 1 | 2 | 4 } | undefined {
    if (at >= Field.end || at + size <= Field.data) return undefined;
    const [bar, offset, length] = [Field.bar, Field.offset, Field.length].map((field, index) =>
      this.#configuration.read(this.#at + field, index === 0 ? 1 : 4),
    ) as [number, number, number];
    if (length !== 1 && length !== 2 && length !== 4) return undefined;
    return bar === this.bar && offset % length === 0 && offset + length <= this.areas.size
      ? { offset, length }
      : undefined;
  }
}
