import {
  type BytePortHandler,
  byteRange,
  Clock,
  ComponentName,
  choice,
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
  type Timer,
  timeRange,
  Wires,
  wire,
  wordRange,
} from '#core';
import { PmTimer } from '../timer/pm-timer.ts';

/** PM1 status and enable (ACPI 6.5, tables 4.13 and 4.14). */
const Event = { timer: 1 << 0, powerButton: 1 << 8, wake: 1 << 15, clearable: 0x8f31, enables: 0x4721 } as const;

/** PM1 control (table 4.15). */
const Control = { sciEnabled: 1 << 0, sleep: 1 << 13, kept: 0x1c07 } as const;

/** The sleep type that the DSDT's \_S5 names. */
const softOff = 5;

/**
 * ACPI fixed hardware: PM1a events at `port`, control at +4, timer at +8, and the reset register. There is no SMI: the machine is
 * in ACPI mode from the start.
 */
@device('acpi-pm')
export class AcpiPm extends Device {
  static readonly options = {
    port: port().or(0x600),
    irq: wire().or('isa@9'),
    timerBits: choice(24, 32).or(24),
    resetPort: port().or(0xcf9),
  };

  readonly #line: InterruptLine;
  readonly #pmTimer: PmTimer;
  #timer: Timer | undefined;
  #state = initial();

  constructor(
    @Options given: OptionsOf<typeof AcpiPm.options>,
    @ComponentName name: string,
    @Ports ports: Ports,
    @Wires wires: Wires,
    @Clock private readonly clock: Clock,
    @Power private readonly power: PowerControl,
  ) {
    super();
    this.#line = wires.line(given.irq);
    this.#pmTimer = new PmTimer(clock, given.timerBits);
    ports.claim({ base: given.port, length: 6 }, this.#pm1(given.port, name));
    ports.claim(
      { base: given.port + 8, length: 4 },
      {
        name: `${name} timer`,
        read32: () => this.#pmTimer.count,
        read8: port => this.#pmTimer.count >>> (8 * (port - given.port - 8)),
      },
    );
    ports.claim(given.resetPort, {
      name: `${name} reset`,
      read8: () => this.#state.reset,
      write8: (_port, value) => this.#writeReset(value),
    });
  }

  /** Whether the guest wants to hear of the power button. */
  get heedsPowerButton(): boolean {
    return (this.#state.enable & Event.powerButton) !== 0;
  }

  /** What a finger does. The guest's operating system decides what follows. */
  pressPowerButton(): void {
    this.#state.status |= Event.powerButton;
    this.#update();
  }

  reset(): void {
    this.#state = initial();
    this.#state.changes = this.#pmTimer.changes;
    this.#update();
  }

  save(): SavedState {
    return { version: 1, ...this.#state };
  }

  restore(state: SavedState): void {
    this.#state = requireRanges(restoreState(initial(), state, 1), {
      status: wordRange,
      enable: wordRange,
      control: wordRange,
      reset: byteRange,
      changes: timeRange,
    });
    this.#update();
  }

  inspect() {
    return { ...this.#state, timer: this.#pmTimer.count };
  }

  #pm1(base: number, name: string): BytePortHandler {
    const read16 = (port: number): number => {
      this.#look();
      if (port - base < 2) return this.#state.status;
      return port - base < 4 ? this.#state.enable : this.#state.control;
    };
    const write16 = (port: number, value: number): void => {
      if (port - base < 2) this.#state.status &= ~(value & Event.clearable);
      else if (port - base < 4) this.#state.enable = value & Event.enables;
      else this.#writeControl(value);
    };
    // A byte is half a register: the other half keeps its value, which for the status means that no one is written there.
    const other = (port: number): number => (port - base < 2 ? 0 : read16(port)) & (port & 1 ? 0x00ff : 0xff00);
    return {
      name,
      read8: port => read16(port) >> (port & 1 ? 8 : 0),
      read16: port => (port & 1 ? (read16(port) >> 8) | ((read16(port + 1) & 0xff) << 8) : read16(port)),
      write8: (port, value) => {
        this.#look();
        write16(port, other(port) | (value << (port & 1 ? 8 : 0)));
        this.#update();
      },
      write16: (port, value) => {
        if (port & 1) return;
        this.#look();
        write16(port, value);
        this.#update();
      },
    };
  }

  #writeControl(value: number): void {
    this.#state.control = (value & Control.kept) | Control.sciEnabled;
    if (value & Control.sleep && ((value >> 10) & 7) === softOff) this.power.powerOff();
  }

  /** The reset register of PCI chip sets: bit 2 rising resets, bits 1 and 3 say how hard, which is all the same here. */
  #writeReset(value: number): void {
    const rises = (value & ~this.#state.reset & 4) !== 0;
    this.#state.reset = value & 0x0e;
    if (rises) this.power.reset();
  }

  #look(): void {
    const { changes } = this.#pmTimer;
    if (changes !== this.#state.changes) this.#state.status |= Event.timer;
    this.#state.changes = changes;
  }

  #update(): void {
    this.#look();
    this.#timer?.cancel();
    this.#timer = undefined;
    const { status, enable } = this.#state;
    drive(this.#line, (status & enable) !== 0);
    if (enable & ~status & Event.timer) {
      this.#timer = this.clock.schedule(this.#pmTimer.changeAt(this.#state.changes + 1), () => this.#update());
    }
  }
}

const initial = () => ({
  status: 0,
  enable: 0,
  control: Control.sciEnabled as number,
  reset: 0,
  /** Changes of the timer's top bit that the status knows of. */
  changes: 0,
});
