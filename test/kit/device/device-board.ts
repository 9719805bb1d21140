/** A board for the tests of a device: no processor and no accelerator; a test does what a guest would do, and says when time passes. */
import {
  Board,
  createDevice,
  type Device,
  type DeviceClass,
  type GivenOptions,
  type GuestMemory,
  type InterruptMessage,
  MachineError,
  type MmioSize,
  type OptionSchema,
  type PortSize,
  RamGuestMemory,
  VirtualClock,
  VirtualHostTasks,
} from '#core';
import { parseAddress } from '#devices';
import { nanoseconds } from '#machines';
import { TestPin } from './test-pin.ts';

export interface DeviceBoardOptions {
  /** Bytes of RAM from address 0. Default: 1 MiB. */
  readonly memory?: number;
  readonly processors?: number;
}

const pinsPerController = 256;

export class DeviceBoard {
  /** All RAM. What a device does by `GuestMemory` is here. */
  readonly ram: Uint8Array;
  /** The same as devices see it. */
  readonly memory: GuestMemory;
  /** Interrupt messages (MSI, MSI-X), in their order. */
  readonly messages: InterruptMessage[] = [];
  /** What devices asked of the machine: `powerOff`, `reset`, `exit 3`, and of processors: `init 1`, `startup 1 8`. */
  readonly requests: string[] = [];
  /** @internal */
  readonly time = { ticks: 0 };
  /** @internal */
  readonly clock = new VirtualClock(this.time);
  /** @internal */
  readonly tasks = new VirtualHostTasks(this.clock);
  /** @internal */
  readonly board: Board;
  readonly #devices: Device[] = [];
  readonly #controllers = new Map<string, readonly TestPin[]>();
  readonly #view = new DataView(new ArrayBuffer(8));

  constructor({ memory = 2 ** 20, processors = 1 }: DeviceBoardOptions = {}) {
    const { requests } = this;
    this.ram = new Uint8Array(memory);
    this.memory = new RamGuestMemory([{ base: 0, bytes: this.ram }]);
    this.board = new Board({
      clock: this.clock,
      memory: this.memory,
      hostTasks: this.tasks,
      power: {
        powerOff: () => requests.push('powerOff'),
        reset: () => requests.push('reset'),
        exit: code => requests.push(`exit ${code}`),
      },
      processors: {
        count: processors,
        init: processor => requests.push(`init ${processor}`),
        startup: (processor, vector) => requests.push(`startup ${processor} ${vector}`),
      },
    });
    this.board.messages.onSend(message => {
      this.messages.push(message);
      return true;
    });
  }

  /** Builds a device and resets it, as power-on does. Wrong options throw a MachineError. */
  add<S extends OptionSchema, D extends Device>(
    name: string,
    type: DeviceClass<S, D>,
    options: NoInfer<GivenOptions<S>>,
  ): D {
    const device = createDevice(this.board.scope, name, type, options);
    this.#devices.push(device);
    device.reset();
    return device;
  }

  /** Power-on again, of all devices in the order in which they were added. */
  reset(): void {
    for (const device of this.#devices) device.reset();
  }

  /** A pin of an interrupt controller that only writes down, `isa@4` for one. No device may be called so. Its edges count from now on. */
  pin(wire: string): TestPin {
    const [controller = '', index = ''] = wire.split('@');
    const pin = /^\d+$/.test(index) ? this.#pinsOf(controller)[Number(index)] : undefined;
    if (pin) return pin;
    throw new MachineError('bad-call', `${wire} is no pin`, { remedy: "write it as 'isa@4'" });
  }

  #pinsOf(controller: string): readonly TestPin[] {
    const known = this.#controllers.get(controller);
    if (known) return known;
    const pins = Array.from({ length: pinsPerController }, (_, n) => new TestPin(`${controller}@${n}`));
    this.#controllers.set(controller, pins);
    this.board.wires.provide(controller, pins.length, n => pins[n]);
    return pins;
  }

  /** Nanoseconds since power-on. */
  get now(): number {
    return this.time.ticks;
  }

  /**
   * Lets time pass: nanoseconds, or '10 ms'. Timers that are due meanwhile fire at their moments, and work of the host (a disk's) that ends meanwhile
   * is waited for. `advance(0)` does what is due now.
   */
  async advance(time: number | string): Promise<void> {
    const end = this.now + nanoseconds(time);
    while (this.clock.nextDeadline <= end) {
      this.time.ticks = Math.max(this.now, this.clock.nextDeadline);
      this.clock.fire();
      await this.#settle();
    }
    this.time.ticks = end;
    await this.#settle();
  }

  async #settle(): Promise<void> {
    for (let waiting = this.tasks.settle(); waiting; waiting = this.tasks.settle()) await waiting;
  }

  /** IN. A port that nobody has reads as all ones. */
  in(port: number, size: PortSize = 1): number {
    return this.board.ports.read(port, size);
  }

  /** OUT. */
  out(port: number, value: number, size: PortSize = 1): void {
    this.board.ports.write(port, size, value);
  }

  /** A load from memory that is no RAM, unsigned; `load64` for eight bytes. */
  load(address: number, size: Exclude<MmioSize, 8> = 4, processor = 0): number {
    return Number(BigInt.asUintN(8 * size, this.#load(address, size, processor)));
  }

  load64(address: number, processor = 0): bigint {
    return this.#load(address, 8, processor);
  }

  #load(address: number, size: MmioSize, processor: number): bigint {
    this.#view.setBigUint64(0, 0n);
    this.board.mmio.read(address, size, this.#view, processor);
    return this.#view.getBigUint64(0, true);
  }

  /** A store to memory that is no RAM. */
  store(address: number, value: number, size: Exclude<MmioSize, 8> = 4, processor = 0): void {
    this.#store(address, BigInt(value), size, processor);
  }

  store64(address: number, value: bigint, processor = 0): void {
    this.#store(address, value, 8, processor);
  }

  #store(address: number, value: bigint, size: MmioSize, processor: number): void {
    this.#view.setBigUint64(0, BigInt.asUintN(64, value), true);
    this.board.mmio.write(address, size, this.#view, processor);
  }

  /** RDMSR. undefined: nobody has the register, and a guest gets #GP. */
  rdmsr(index: number, processor = 0): bigint | undefined {
    return this.board.msrs.read(processor, index);
  }

  /** WRMSR. False: a guest gets #GP. */
  wrmsr(index: number, value: bigint, processor = 0): boolean {
    return this.board.msrs.write(processor, index, value);
  }

  /** Takes the interrupt that a processor would take now from a device that is its interrupt controller. undefined: none is pending. */
  takeInterrupt(processor = 0): number | undefined {
    const controller = this.board.controllers.of(processor);
    return controller.pending ? controller.acknowledge() : undefined;
  }

  /** Configuration space of a function, such as '00:04.0', without a host bridge. An empty slot reads as all ones. */
  readConfiguration(slot: string, register: number, size: PortSize = 4): number {
    const endpoint = this.board.pci.find(placeOf(slot));
    return endpoint?.readConfiguration(register, size) ?? 2 ** (8 * size) - 1;
  }

  writeConfiguration(slot: string, register: number, value: number, size: PortSize = 4): void {
    this.board.pci.find(placeOf(slot))?.writeConfiguration(register, size, value);
  }
}

function placeOf(slot: string): number {
  const address = parseAddress(slot);
  if (address) return address.device * 8 + address.function;
  throw new MachineError('bad-call', `${slot} is no PCI slot`, { remedy: "write it as '00:04.0'" });
}
