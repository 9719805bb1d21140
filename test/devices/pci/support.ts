import {
  Board,
  createDevice,
  type Device,
  type DeviceClass,
  type GivenOptions,
  type InterruptMessage,
  type OptionSchema,
  RamGuestMemory,
  VirtualClock,
  VirtualHostTasks,
} from '#core';
import { PciHost } from '#devices';

export const ramSize = 0x10_0000;

/** A board with a PCI host bridge, poked as a guest would poke it; pins and messages are written down. */
export class PciBench {
  readonly time = { ticks: 0 };
  readonly clock = new VirtualClock(this.time);
  readonly tasks = new VirtualHostTasks(this.clock);
  readonly ram = new Uint8Array(ramSize);
  readonly memory = new RamGuestMemory([{ base: 0, bytes: this.ram }]);
  readonly board = new Board({
    clock: this.clock,
    memory: this.memory,
    hostTasks: this.tasks,
    power: { powerOff() {}, reset() {}, exit() {} },
    processors: { count: 1, init() {}, startup() {} },
  });
  readonly devices: Record<string, Device> = {};
  /** Levels of ioapic@16 to 19. */
  readonly pins = [false, false, false, false];
  readonly messages: InterruptMessage[] = [];
  readonly #view = new DataView(new ArrayBuffer(8));

  constructor() {
    this.board.wires.provide('ioapic', 24, pin => ({
      name: `ioapic@${pin}`,
      assert: () => this.#setPin(pin, true),
      deassert: () => this.#setPin(pin, false),
      pulse() {},
    }));
    this.board.messages.onSend(message => {
      this.messages.push(message);
      return true;
    });
    this.add('pci', PciHost, {});
  }

  #setPin(pin: number, high: boolean): void {
    if (pin >= 16 && pin < 20) this.pins[pin - 16] = high;
  }

  add<S extends OptionSchema, D extends Device>(
    name: string,
    type: DeviceClass<S, D>,
    options: NoInfer<GivenOptions<S>>,
  ): D {
    const device = createDevice(this.board.scope, name, type, options);
    this.devices[name] = device;
    return device;
  }

  powerOn(): this {
    for (const device of Object.values(this.devices)) device.reset();
    return this;
  }

  /** Configuration space, by mechanism #1. */
  read(slot: number, register: number, size: 1 | 2 | 4 = 4, fn = 0): number {
    this.board.ports.write(0xcf8, 4, select(slot, register, fn));
    return this.board.ports.read(0xcfc + (register & 3), size);
  }

  write(slot: number, register: number, value: number, size: 1 | 2 | 4 = 4, fn = 0): void {
    this.board.ports.write(0xcf8, 4, select(slot, register, fn));
    this.board.ports.write(0xcfc + (register & 3), size, value);
  }

  load(address: number, size: 1 | 2 | 4 | 8 = 4): number {
    this.#view.setBigUint64(0, 0n);
    this.board.mmio.read(address, size, this.#view);
    return Number(BigInt.asUintN(8 * size, this.#view.getBigUint64(0, true)));
  }

  store(address: number, value: number, size: 1 | 2 | 4 | 8 = 4): void {
    this.#view.setBigUint64(0, BigInt(value), true);
    this.board.mmio.write(address, size, this.#view);
  }

  async #settle(): Promise<void> {
    for (let waiting = this.tasks.settle(); waiting; waiting = this.tasks.settle()) await waiting;
  }

  /** Lets time pass as a run loop does, host tasks included. */
  async advance(nanoseconds: number): Promise<void> {
    const end = this.time.ticks + nanoseconds;
    while (this.clock.nextDeadline <= end) {
      this.time.ticks = Math.max(this.time.ticks, this.clock.nextDeadline);
      this.clock.fire();
      await this.#settle();
    }
    this.time.ticks = end;
    await this.#settle();
  }
}

const select = (slot: number, register: number, fn: number): number =>
  (0x8000_0000 | (slot << 11) | (fn << 8) | (register & 0xfc)) >>> 0;
