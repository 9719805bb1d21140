import type { Device, DeviceClass, GivenOptions, MmioSize, OptionSchema } from '#core';
import { PciHost } from '#devices';
import { DeviceBoard } from '../../kit/device/device-board.ts';

export const ramSize = 0x10_0000;

/** A board with a PCI host bridge, poked as a guest would poke it; devices are reset by `powerOn`. */
export class PciBench extends DeviceBoard {
  readonly devices: Record<string, Device> = {};

  constructor() {
    super({ memory: ramSize });
    this.pin('ioapic@16');
    this.add('pci', PciHost, {});
  }

  /** Levels of ioapic@16 to 19. */
  get pins(): readonly boolean[] {
    return [16, 17, 18, 19].map(n => this.pin(`ioapic@${n}`).level);
  }

  override add<S extends OptionSchema, D extends Device>(
    name: string,
    type: DeviceClass<S, D>,
    options: NoInfer<GivenOptions<S>>,
  ): D {
    const device = super.add(name, type, options);
    this.devices[name] = device;
    return device;
  }

  powerOn(): this {
    this.reset();
    return this;
  }

  override load(address: number, size: MmioSize = 4): number {
    return size === 8 ? Number(this.load64(address)) : super.load(address, size);
  }

  override store(address: number, value: number, size: MmioSize = 4): void {
    if (size === 8) this.store64(address, BigInt(value));
    else super.store(address, value, size);
  }

  /** Configuration space, by mechanism #1. */
  read(slot: number, register: number, size: 1 | 2 | 4 = 4, fn = 0): number {
    this.out(0xcf8, select(slot, register, fn), 4);
    return this.in(0xcfc + (register & 3), size);
  }

  write(slot: number, register: number, value: number, size: 1 | 2 | 4 = 4, fn = 0): void {
    this.out(0xcf8, select(slot, register, fn), 4);
    this.out(0xcfc + (register & 3), value, size);
  }
}

const select = (slot: number, register: number, fn: number): number =>
  (0x8000_0000 | (slot << 11) | (fn << 8) | (register & 0xfc)) >>> 0;
