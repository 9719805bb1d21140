import {
  Board,
  createDevice,
  type Device,
  type DeviceClass,
  type GivenOptions,
  ImmediateHostTasks,
  type OptionSchema,
  RamGuestMemory,
  VirtualClock,
} from '#core';

/** A board without processors: time passes when a test says so, and what devices ask of the machine is written down. */
export class TestBoard {
  readonly time: { ticks: number };
  readonly clock: VirtualClock;
  readonly memory = new RamGuestMemory([{ base: 0, bytes: new Uint8Array(0x20_0000) }]);
  /** `powerOff`, `reset`, `exit 3`, `init 1`, `startup 1 8`. */
  readonly log: string[] = [];
  readonly board: Board;
  readonly #view = new DataView(new ArrayBuffer(8));

  constructor(processors = 1, time = { ticks: 0 }, clock = new VirtualClock(time)) {
    this.time = time;
    this.clock = clock;
    this.board = new Board({
      clock: this.clock,
      memory: this.memory,
      hostTasks: new ImmediateHostTasks(),
      power: {
        powerOff: () => this.log.push('powerOff'),
        reset: () => this.log.push('reset'),
        exit: code => this.log.push(`exit ${code}`),
      },
      processors: {
        count: processors,
        init: processor => this.log.push(`init ${processor}`),
        startup: (processor, vector) => this.log.push(`startup ${processor} ${vector}`),
      },
    });
  }

  add<S extends OptionSchema, D extends Device>(
    name: string,
    type: DeviceClass<S, D>,
    options: NoInfer<GivenOptions<S>>,
  ): D {
    const device = createDevice(this.board.scope, name, type, options);
    device.reset();
    return device;
  }

  /** Lets time pass, stopping at each deadline as a run loop does. */
  advance(nanoseconds: number): void {
    const end = this.time.ticks + nanoseconds;
    while (this.clock.nextDeadline <= end) {
      this.time.ticks = Math.max(this.time.ticks, this.clock.nextDeadline);
      this.clock.fire();
    }
    this.time.ticks = end;
  }

  in(port: number, size: 1 | 2 | 4 = 1): number {
    return this.board.ports.read(port, size);
  }

  out(port: number, value: number, size: 1 | 2 | 4 = 1): void {
    this.board.ports.write(port, size, value);
  }

  load(address: number, processor = 0): number {
    this.board.mmio.read(address, 4, this.#view, processor);
    return this.#view.getUint32(0, true);
  }

  store(address: number, value: number, processor = 0): void {
    this.#view.setUint32(0, value, true);
    this.board.mmio.write(address, 4, this.#view, processor);
  }

  rdmsr(index: number, processor = 0): bigint | undefined {
    return this.board.msrs.read(processor, index);
  }

  wrmsr(index: number, value: bigint, processor = 0): boolean {
    return this.board.msrs.write(processor, index, value);
  }

  /** Takes the interrupts that a processor would accept now, without ending them. */
  take(processor = 0): number | undefined {
    const controller = this.board.controllers.of(processor);
    return controller.pending ? controller.acknowledge() : undefined;
  }
}

/** A line of its own, to pull a controller's pin. */
export const source = (board: TestBoard, name: string) => board.board.wires.line(name);
