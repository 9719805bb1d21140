import {
  type BlockBackend,
  backend,
  boolean,
  Clock,
  ComponentName,
  device,
  GuestMemory,
  HostTasks,
  MachineError,
  Options,
  type OptionsOf,
  PciSlots,
  text,
} from '#core';
import { slot } from '../pci/address.ts';
import { Block } from './block/block.ts';
import { sectorSize, serialLength } from './block/layout.ts';
import { VirtioDevice } from './virtio-device.ts';

/** A disk: /dev/vda to Linux. */
@device('virtio-block')
export class VirtioBlock extends VirtioDevice {
  readonly #block: Block;

  static readonly options = {
    slot: slot(),
    disk: backend<BlockBackend>('a disk', 'read', 'write', 'flush'),
    /** The guest may not write, even if the disk would allow it. */
    readOnly: boolean().or(false),
    /** Up to 20 bytes, by which the guest knows the disk again. */
    serial: text().or(''),
  };

  constructor(
    @Options { slot, disk, readOnly, serial }: OptionsOf<typeof VirtioBlock.options>,
    @ComponentName name: string,
    @PciSlots slots: PciSlots,
    @GuestMemory memory: GuestMemory,
    @Clock clock: Clock,
    @HostTasks tasks: HostTasks,
  ) {
    check(name, disk, serial);
    const model = new Block({ disk, readOnly: readOnly || disk.readOnly, serial, clock, tasks });
    super({ name, slot, slots, memory, clock, model, classCode: 0x01_0000 });
    this.#block = model;
  }

  override flush(): Promise<void> {
    return this.#block.flush();
  }
}

function check(name: string, { size }: BlockBackend, serial: string): void {
  if (!Number.isSafeInteger(size) || size < 0 || size % sectorSize !== 0) {
    throw new MachineError('bad-image', `a disk of ${size} bytes is not possible`, {
      path: `devices.${name}.disk`,
      remedy: `make it a multiple of ${sectorSize} bytes long`,
    });
  }
  if (new TextEncoder().encode(serial).length > serialLength) {
    throw new MachineError('bad-option', 'the serial number is too long', {
      path: `devices.${name}.serial`,
      remedy: `give at most ${serialLength} bytes`,
    });
  }
}
