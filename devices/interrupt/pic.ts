import {
  ComponentName,
  copyState,
  Device,
  device,
  drive,
  type ExternalInterrupts,
  InputPin,
  InterruptControllers,
  type InterruptLine,
  integer,
  list,
  Options,
  type OptionsOf,
  Ports,
  requireRanges,
  restoreState,
  type SavedState,
  Wires,
  wire,
} from '#core';
import { initialPic, PicChip, picRanges } from './pic-chip.ts';

/** The two 8259As of a PC/AT at 0x20 and 0xa0, the second on input 2 of the first, and their trigger registers. */
@device('pic')
export class Pic extends Device implements ExternalInterrupts {
  static readonly options = {
    /** Where the INTR pin leads besides the processors' LINT0: an I/O APIC's pin 0 on some boards. */
    output: wire().optional(),
    /** Inputs that firmware has made level-triggered: those to which PCI's interrupts lead. */
    level: list(integer(0, 15)).or([]),
  };

  readonly #master = new PicChip(2, 0xf8);
  readonly #slave = new PicChip(-1, 0xde);
  readonly #output: InterruptLine | undefined;
  #pending = false;

  constructor(
    @Options private readonly given: OptionsOf<typeof Pic.options>,
    @ComponentName name: string,
    @Ports ports: Ports,
    @Wires wires: Wires,
    @InterruptControllers private readonly controllers: InterruptControllers,
  ) {
    super();
    this.#output = given.output === undefined ? undefined : wires.line(given.output);
    controllers.installExternal(this);
    wires.provide(name, 16, index => new InputPin(`${name}@${index}`, high => this.#setInput(index, high)));
    for (const [base, chip] of [
      [0x20, this.#master],
      [0xa0, this.#slave],
    ] as const) {
      ports.claim(
        { base, length: 2 },
        {
          name,
          read8: port => this.#after(chip.read(port === base)),
          write8: (port, value) => this.#after(port === base ? chip.writeCommand(value) : chip.writeData(value)),
        },
      );
    }
    ports.claim(
      { base: 0x4d0, length: 2 },
      {
        name: `${name} trigger modes`,
        read8: port => (port === 0x4d0 ? this.#master : this.#slave).triggerLevels,
        write8: (port, value) => {
          (port === 0x4d0 ? this.#master : this.#slave).triggerLevels = value;
          this.#update();
        },
      },
    );
  }

  get pending(): boolean {
    return this.#pending;
  }

  acknowledge(): number {
    const input = this.#master.acknowledge();
    if (input !== 2) return this.#after(this.#master.vector(input));
    const vector = this.#slave.vector(this.#slave.acknowledge());
    // INT falls during the cycle, so that a further request of the slave makes a new edge.
    this.#master.setInput(2, false);
    return this.#after(vector);
  }

  reset(): void {
    const levels = [this.#master.state.inputs, this.#slave.state.inputs] as const;
    this.#master.reset();
    this.#slave.reset();
    this.#master.state.inputs = levels[0] & ~4;
    this.#slave.state.inputs = levels[1];
    const triggers = this.given.level.reduce((bits, input) => bits | (1 << input), 0);
    this.#master.triggerLevels = triggers & 0xff;
    this.#slave.triggerLevels = triggers >> 8;
    this.#update();
  }

  save(): SavedState {
    return { version: 1, master: copyState(this.#master.state), slave: copyState(this.#slave.state) };
  }

  restore(state: SavedState): void {
    const record = restoreState({ master: initialPic(), slave: initialPic() }, state, 1);
    requireRanges(record.master, picRanges, 'master.');
    requireRanges(record.slave, picRanges, 'slave.');
    this.#master.state = record.master;
    this.#slave.state = record.slave;
    this.#update();
  }

  inspect() {
    return { pending: this.#pending, master: { ...this.#master.state }, slave: { ...this.#slave.state } };
  }

  #setInput(index: number, high: boolean): void {
    if (index === 2) return;
    (index < 8 ? this.#master : this.#slave).setInput(index & 7, high);
    this.#update();
  }

  #after<T>(result: T): T {
    this.#update();
    return result;
  }

  #update(): void {
    this.#master.setInput(2, this.#slave.requested >= 0);
    const pending = this.#master.requested >= 0;
    if (pending === this.#pending) return;
    this.#pending = pending;
    if (this.#output) drive(this.#output, pending);
    this.controllers.externalChanged();
  }
}
