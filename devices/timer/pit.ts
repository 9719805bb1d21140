import {
  Clock,
  ComponentName,
  copyState,
  Device,
  device,
  drive,
  type InterruptLine,
  nanosecondsOf,
  Options,
  type OptionsOf,
  Ports,
  port,
  requireRanges,
  restoreState,
  type SavedState,
  type Timer,
  ticksIn,
  Wires,
  wire,
} from '#core';
import { checkChannel, initialChannel, PitChannel } from './pit-channel.ts';

const frequency = 1_193_182;

/** DRAM refresh requests toggle bit 4 of port 0x61 at this distance, which some guests take for a clock. */
const refresh = 15_085;

/** Intel 8254: channel 0 on an interrupt, channel 2 on the speaker with its gate and output at port 0x61. */
@device('pit')
export class Pit extends Device {
  static readonly options = {
    port: port().or(0x40),
    irq: wire().or('isa@0'),
  };

  readonly #channels = [new PitChannel(true), new PitChannel(true), new PitChannel(false)] as const;
  readonly #line: InterruptLine;
  #timer: Timer | undefined;
  /** The input clock of the rise that is awaited. */
  #rise = Number.POSITIVE_INFINITY;
  /** Port 0x61, as written. */
  #control = 0;

  constructor(
    @Options given: OptionsOf<typeof Pit.options>,
    @ComponentName name: string,
    @Ports ports: Ports,
    @Wires wires: Wires,
    @Clock private readonly clock: Clock,
  ) {
    super();
    this.#line = wires.line(given.irq);
    ports.claim(
      { base: given.port, length: 4 },
      {
        name,
        read8: port => this.#channels[port - given.port]?.read(this.#now) ?? 0xff,
        write8: (port, value) => this.#write(port - given.port, value),
      },
    );
    ports.claim(0x61, {
      name: `${name} speaker control`,
      read8: () => this.#readControl(),
      write8: (_port, value) => this.#writeControl(value),
    });
  }

  /** Whether the speaker's membrane is pulled now. */
  get speaker(): boolean {
    return (this.#control & 2) !== 0 && this.#channels[2].output(this.#now);
  }

  reset(): void {
    for (const channel of this.#channels) channel.reset();
    this.#control = 0;
    this.#arm(this.#now);
  }

  save(): SavedState {
    return { version: 1, control: this.#control, channels: this.#channels.map(channel => copyState(channel.state)) };
  }

  restore(state: SavedState): void {
    const form = { control: 0, channels: this.#channels.map(() => initialChannel(true)) };
    const { control, channels } = restoreState(form, state, 1);
    requireRanges({ control }, { control: [0, 0x0f] });
    channels.forEach(checkChannel);
    this.#control = control;
    this.#channels.forEach((channel, index) => {
      channel.state = channels[index];
    });
    this.#arm(this.#now);
  }

  inspect() {
    const now = this.#now;
    const channels = this.#channels.map(channel => ({ ...channel.state, output: channel.output(now) }));
    return { control: this.#control, channels };
  }

  get #now(): number {
    return ticksIn(this.clock.now, frequency);
  }

  #write(register: number, value: number): void {
    const now = this.#now;
    this.#look(now);
    if (register < 3) this.#channels[register].write(value, now);
    else if (value >> 6 === 3) this.#readBack(value, now);
    else this.#channels[value >> 6].control(value & 0x3f, now);
    if (register === 0 || (register === 3 && value >> 6 === 0)) this.#arm(now);
  }

  /** The read-back command latches counts and statuses of any channels; its bits are active low. */
  #readBack(value: number, now: number): void {
    this.#channels.forEach((channel, index) => {
      if (!(value & (2 << index))) return;
      if (!(value & 0x20)) channel.latchCount(now);
      if (!(value & 0x10)) channel.latchStatus(now);
    });
  }

  #readControl(): number {
    const toggle = Math.floor(this.clock.now / refresh) & 1;
    return this.#control | (toggle << 4) | (this.#channels[2].output(this.#now) ? 0x20 : 0);
  }

  #writeControl(value: number): void {
    this.#control = value & 0x0f;
    this.#channels[2].setGate((value & 1) !== 0, this.#now);
  }

  /** Gives the line the present level of channel 0, and waits for its next rise. */
  #arm(now: number): void {
    drive(this.#line, this.#channels[0].output(now));
    this.#await(now);
  }

  /** The falls between two rises interrupt nobody, so the line shows them only at the next rise. */
  #await(now: number): void {
    this.#timer?.cancel();
    this.#rise = this.#channels[0].nextRise(now);
    if (this.#rise === Number.POSITIVE_INFINITY) return;
    this.#timer = this.clock.schedule(nanosecondsOf(this.#rise, frequency), () => this.#look(this.#now));
  }

  /** A rise that has come is one interrupt, however late somebody looks and however many came since. */
  #look(now: number): void {
    if (this.#rise > now) return;
    this.#line.deassert();
    this.#line.assert();
    this.#await(now);
  }
}
