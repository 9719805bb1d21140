import type { GuestMemory, PciSlots } from '#core';
import { PciFunction } from '../../pci/function.ts';
import type { VirtioModel } from '../model.ts';
import { type Transport, VirtioUnit } from '../unit.ts';
import { type Area, Areas, areaSize } from './areas.ts';
import { ConfigurationAccess, StructureType, structure } from './capabilities.ts';
import { commonConfiguration, commonForm, commonLength, noVector } from './common-configuration.ts';

/** The pages of the BAR, in their order. */
const Page = { common: 0, interruptStatus: 1, device: 2, notify: 3 } as const;

const structuresBar = 0;
const vectorsBar = 1;

/** Distance of two queues' notification addresses. */
const multiplier = 4;

const InterruptStatus = { queue: 1, configuration: 2 } as const;

const vendor = 0x1af4;
/** Modern devices are numbered from here on by their type (4.1.2). */
const firstDevice = 0x1040;

export interface VirtioPciParts {
  readonly name: string;
  readonly slot: string;
  readonly slots: PciSlots;
  readonly memory: GuestMemory;
  readonly model: VirtioModel;
  readonly classCode: number;
}

/** Virtio over PCI (virtio 1.2, 4.1), without the legacy interface. */
export class VirtioPci implements Transport {
  readonly unit: VirtioUnit;
  readonly function: PciFunction;
  #state: ReturnType<VirtioPci['form']>;

  constructor({ name, slot, slots, memory, model, classCode }: VirtioPciParts) {
    this.unit = new VirtioUnit(model, memory, this);
    this.#state = this.form();
    const areas = new Areas(name, [this.#common(), this.#interruptStatus(), this.#device(), this.#notify()]);
    const at = (page: number) => ({ bar: structuresBar, offset: page * areaSize });
    const { length } = model.configuration;
    this.function = new PciFunction(slots, {
      name,
      slot,
      vendor,
      device: firstDevice + model.id,
      revision: 1,
      classCode,
      subsystem: { vendor, device: 0x1100 },
      interruptPin: 1,
      bars: [{ index: structuresBar, kind: 'memory', size: areas.size, handler: areas }],
      msiX: { vectors: model.queues.length + 1, bar: vectorsBar },
      capabilities: [
        structure({ type: StructureType.common, ...at(Page.common), length: commonLength }),
        structure({ type: StructureType.interruptStatus, ...at(Page.interruptStatus), length: 1 }),
        ...(length > 0 ? [structure({ type: StructureType.device, ...at(Page.device), length })] : []),
        structure({
          type: StructureType.notify,
          ...at(Page.notify),
          length: model.queues.length * multiplier,
          multiplier,
        }),
        new ConfigurationAccess(structuresBar, areas),
      ],
      onMaster: () => this.unit.resume(),
    });
  }

  get master(): boolean {
    return this.function.master;
  }

  queueInterrupt(queue: number): void {
    this.#interrupt(this.#state.common.queueVectors[queue], InterruptStatus.queue);
  }

  configurationInterrupt(): void {
    this.#interrupt(this.#state.common.configurationVector, InterruptStatus.configuration);
  }

  reset(): void {
    this.#state = this.form();
    this.unit.reset();
    this.function.setInterrupt(false);
  }

  /** The transport's own state after a reset. */
  form() {
    return { common: commonForm(this.unit.queues.length), interruptStatus: 0 };
  }

  get state(): ReturnType<VirtioPci['form']> {
    return this.#state;
  }

  load(state: ReturnType<VirtioPci['form']>): void {
    this.#state = state;
  }

  #interrupt(vector: number, cause: number): void {
    const { msiX } = this.function;
    if (msiX?.enabled) {
      if (vector !== noVector) msiX.signal(vector);
      return;
    }
    this.#state.interruptStatus |= cause;
    this.function.setInterrupt(true);
  }

  #common(): Area {
    const self = this;
    return commonConfiguration({
      unit: this.unit,
      vectors: this.unit.queues.length + 1,
      get state() {
        return self.#state.common;
      },
      reset: () => this.reset(),
    });
  }

  /** Reading it takes the interrupt back. */
  #interruptStatus(): Area {
    return {
      read: offset => {
        if (offset !== 0) return 0;
        const status = this.#state.interruptStatus;
        this.#state.interruptStatus = 0;
        this.function.setInterrupt(false);
        return status;
      },
      write() {},
    };
  }

  #device(): Area {
    const { model } = this.unit;
    return {
      read: (offset, size) => {
        const { configuration } = model;
        let value = 0;
        for (let byte = 0; byte < size; byte++) value |= (configuration[offset + byte] ?? 0) << (8 * byte);
        return value >>> 0;
      },
      write: (offset, size, value) => {
        const bytes = Uint8Array.from({ length: size }, (_, byte) => value >>> (8 * byte));
        if (offset + size <= model.configuration.length) model.configure?.(offset, bytes);
      },
    };
  }

  #notify(): Area {
    return {
      read: () => 0,
      write: offset => this.unit.notify(Math.floor(offset / multiplier)),
    };
  }
}
