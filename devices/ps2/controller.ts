import {
  A20Gate,
  byteRange,
  ComponentName,
  copyState,
  Device,
  device,
  drive,
  type InterruptLine,
  Options,
  type OptionsOf,
  Ports,
  Power,
  type PowerControl,
  port,
  requireRanges,
  restoreState,
  type SavedState,
  Wires,
  wire,
} from '#core';

/** Status, at the command port. */
const Status = { output: 0x01, system: 0x04, command: 0x08, unlocked: 0x10, auxiliary: 0x20, timeout: 0x40 } as const;

/** The configuration byte, RAM cell 0. */
const Configuration = { keyboardInterrupt: 0x01, auxiliaryInterrupt: 0x02, system: 0x04 } as const;

/** What a line without a device answers, with the timeout bit beside it. */
const noAnswer = 0xfe;

/** Intel 8042 as PS/2 controller, with nothing plugged into its two ports; guests know it by A20 and reset as well. */
@device('ps2-controller')
export class Ps2Controller extends Device {
  static readonly options = {
    dataPort: port().or(0x60),
    commandPort: port().or(0x64),
    keyboardIrq: wire().or('isa@1'),
    auxiliaryIrq: wire().or('isa@12'),
  };

  readonly #keyboardLine: InterruptLine;
  readonly #auxiliaryLine: InterruptLine;
  #state = initial();

  constructor(
    @Options given: OptionsOf<typeof Ps2Controller.options>,
    @ComponentName name: string,
    @Ports ports: Ports,
    @Wires wires: Wires,
    @A20Gate private readonly a20: A20Gate,
    @Power private readonly power: PowerControl,
  ) {
    super();
    this.#keyboardLine = wires.line(given.keyboardIrq);
    this.#auxiliaryLine = wires.line(given.auxiliaryIrq);
    ports.claim(given.dataPort, {
      name,
      read8: () => this.#readData(),
      write8: (_port, value) => this.#writeData(value),
    });
    ports.claim(given.commandPort, {
      name,
      read8: () => this.#status,
      write8: (_port, value) => this.#command(value),
    });
  }

  reset(): void {
    this.#state = initial();
    this.a20.enabled = true;
    this.#update();
  }

  save(): SavedState {
    return { version: 1, ...copyState(this.#state), a20: this.a20.enabled };
  }

  restore(state: SavedState): void {
    const { a20, ...rest } = requireRanges(restoreState({ ...initial(), a20: true }, state, 1), {
      output: byteRange,
      flags: byteRange,
      expecting: byteRange,
    });
    this.#state = rest;
    this.a20.enabled = a20;
    this.#update();
  }

  inspect() {
    return { ...this.#state, ram: [...this.#state.ram] };
  }

  get #status(): number {
    const { flags, lastWasCommand, ram } = this.#state;
    return flags | Status.unlocked | (ram[0] & Configuration.system) | (lastWasCommand ? Status.command : 0);
  }

  #readData(): number {
    const state = this.#state;
    state.flags = 0;
    this.#update();
    return state.output;
  }

  /** A byte for the guest; `flags` says from which side and how it came. */
  #answer(byte: number, flags = 0): void {
    this.#state.output = byte;
    this.#state.flags = Status.output | flags;
    this.#update();
  }

  #command(value: number): void {
    const state = this.#state;
    state.lastWasCommand = true;
    state.expecting = 0;
    if (value >= 0x20 && value < 0x40) this.#answer(state.ram[value & 0x1f]);
    else if (value >= 0x60 && value < 0x80) state.expecting = value;
    else if (value >= 0xf0) this.#pulse(value);
    else this.#perform(value);
  }

  #perform(command: number): void {
    const state = this.#state;
    switch (command) {
      case 0xa7:
      case 0xa8:
        state.ram[0] = (state.ram[0] & ~0x20) | (command === 0xa7 ? 0x20 : 0);
        break;
      case 0xad:
      case 0xae:
        state.ram[0] = (state.ram[0] & ~0x10) | (command === 0xad ? 0x10 : 0);
        break;
      case 0xaa:
        state.ram[0] |= Configuration.system;
        this.#answer(0x55);
        break;
      case 0xa9:
      case 0xab:
        this.#answer(0);
        break;
      case 0xc0:
        this.#answer(0x80);
        break;
      case 0xd0:
        this.#answer(this.#outputPort);
        break;
      case 0xd1:
      case 0xd2:
      case 0xd3:
      case 0xd4:
        state.expecting = command;
        break;
      case 0xdd:
      case 0xdf:
        this.a20.enabled = command === 0xdf;
        break;
    }
    this.#update();
  }

  #writeData(value: number): void {
    const state = this.#state;
    const { expecting } = state;
    state.lastWasCommand = false;
    state.expecting = 0;
    if (expecting >= 0x60 && expecting < 0x80) {
      state.ram[expecting & 0x1f] = value;
      this.#update();
      return;
    }
    switch (expecting) {
      case 0xd1:
        this.a20.enabled = (value & 2) !== 0;
        if (!(value & 1)) this.power.reset();
        break;
      case 0xd2:
        this.#answer(value);
        break;
      case 0xd3:
        this.#answer(value, Status.auxiliary);
        break;
      case 0xd4:
        this.#answer(noAnswer, Status.auxiliary | Status.timeout);
        break;
      default:
        this.#answer(noAnswer, Status.timeout);
    }
  }

  /** Pulses low the output lines whose bit is clear; line 0 resets the processor. */
  #pulse(value: number): void {
    if (!(value & 1)) this.power.reset();
  }

  get #outputPort(): number {
    return 0xcd | (this.a20.enabled ? 2 : 0) | (this.#state.flags & Status.output ? 0x10 : 0);
  }

  #update(): void {
    const { flags, ram } = this.#state;
    const full = (flags & Status.output) !== 0;
    const auxiliary = (flags & Status.auxiliary) !== 0;
    const configuration = ram[0];
    drive(this.#keyboardLine, full && !auxiliary && (configuration & Configuration.keyboardInterrupt) !== 0);
    drive(this.#auxiliaryLine, full && auxiliary && (configuration & Configuration.auxiliaryInterrupt) !== 0);
  }
}

const initial = () => ({
  /** Cell 0 is the configuration byte. */
  ram: new Uint8Array(32),
  output: 0,
  /** Status bits that belong to the byte in the output buffer. */
  flags: 0,
  lastWasCommand: false,
  /** The command whose data byte comes next, or 0. */
  expecting: 0,
});
