import {
  Clock,
  ComponentName,
  Device,
  device,
  drive,
  GuestMemory,
  type InterruptLine,
  nanosecondsOf,
  Options,
  type OptionsOf,
  Ports,
  ProcessorSignals,
  port,
  requireRanges,
  restoreState,
  type SavedState,
  type Timer,
  ticksIn,
  timeRange,
  WallClock,
  Wires,
  wire,
} from '#core';
import { cmosContents } from './cmos.ts';
import { DateRegister, type Notation, nextAlarm, putDate, takeDate } from './rtc-date.ts';

const A = 0x0a;
const B = 0x0b;
const C = 0x0c;
const D = 0x0d;

/** Register B. */
const Control = { set: 0x80, periodic: 0x40, alarm: 0x20, update: 0x10, binary: 0x04, twentyFour: 0x02 } as const;
const interrupts = Control.periodic | Control.alarm | Control.update;

/** Register C; its three flags lie where register B has their enables. */
const requested = 0x80;

/** UIP warns 244 µs before an update. */
const warning = 244e-6;
const crystal = 32_768;

/** Nanoseconds that a date in seconds is good for: whoever waits for less may find that the second has not changed yet. */
const resolution = 1000;

/** Seconds to the farthest date that a guest can set, and more. */
const farthest = 1e12;
const dates = [-farthest, farthest, 'fractions'] as const;

const dateRegisters: ReadonlySet<number> = new Set([
  DateRegister.seconds,
  DateRegister.minutes,
  DateRegister.hours,
  DateRegister.day,
  DateRegister.month,
  DateRegister.year,
  DateRegister.century,
]);

/** When something happens. It is read once for each access, for the date may come from a clock that goes on meanwhile. */
interface Moment {
  readonly now: number;
  /** Seconds of the wall clock. */
  readonly wall: number;
}

/** Motorola MC146818 and the CMOS memory of a PC around it, at 0x70 and 0x71. Flags are worked out when somebody looks. */
@device('rtc')
export class Rtc extends Device {
  static readonly options = {
    port: port().or(0x70),
    irq: wire().or('isa@8'),
  };

  readonly #line: InterruptLine;
  #timer: Timer | undefined;
  #state: ReturnType<typeof initial>;

  constructor(
    @Options given: OptionsOf<typeof Rtc.options>,
    @ComponentName name: string,
    @Ports ports: Ports,
    @Wires wires: Wires,
    @Clock private readonly clock: Clock,
    @WallClock private readonly wall: WallClock,
    @GuestMemory memory: GuestMemory,
    @ProcessorSignals processors: ProcessorSignals,
  ) {
    super();
    this.#line = wires.line(given.irq);
    this.#state = initial(cmosContents(memory.regions, processors.count));
    this.#align(this.#moment);
    ports.claim(
      { base: given.port, length: 2 },
      {
        name,
        read8: port => (port === given.port ? 0xff : this.#read(this.#state.index)),
        write8: (port, value) => {
          if (port === given.port) this.#state.index = value & 0x7f;
          else this.#write(this.#state.index, value);
        },
      },
    );
  }

  /** RESET clears the interrupt enables and flags; time and memory are on a battery. */
  reset(): void {
    const moment = this.#moment;
    this.#align(moment);
    this.#state.registers[B] &= ~interrupts;
    this.#state.registers[C] = 0;
    this.#state.index = 0;
    this.#arm(moment);
  }

  save(): SavedState {
    const { registers, ...rest } = this.#state;
    return { version: 1, ...rest, registers: registers.slice() };
  }

  restore(state: SavedState): void {
    const taken = restoreState(initial(new Uint8Array(128)), state, 1);
    requireRanges(taken, { index: [0, 0x7f], lookedBeat: timeRange, lookedSecond: dates, offset: dates });
    this.#state = taken;
    this.#arm(this.#moment);
  }

  inspect() {
    return { date: new Date(this.#seconds(this.#moment) * 1000).toISOString(), registers: [...this.#state.registers] };
  }

  get #notation(): Notation {
    const control = this.#state.registers[B];
    return { binary: (control & Control.binary) !== 0, twentyFour: (control & Control.twentyFour) !== 0 };
  }

  /** SET holds the date, and so does a divider chain that is not on 32 kHz. */
  get #running(): boolean {
    const { registers } = this.#state;
    return (registers[B] & Control.set) === 0 && (registers[A] & 0x70) === 0x20;
  }

  get #moment(): Moment {
    return { now: this.clock.now, wall: this.wall.seconds };
  }

  #seconds({ wall }: Moment): number {
    return wall + this.#state.offset;
  }

  #read(index: number): number {
    const { registers } = this.#state;
    const moment = this.#moment;
    if (index === A) {
      const seconds = this.#seconds(moment);
      const updating = this.#running && seconds - Math.floor(seconds) >= 1 - warning;
      return registers[A] | (updating ? 0x80 : 0);
    }
    if (index === C) {
      this.#look(moment);
      const flags = registers[C];
      registers[C] = 0;
      this.#arm(moment);
      return flags;
    }
    if (index === D) return 0x80;
    if ((index < A || index === DateRegister.century) && this.#running && isTime(index)) this.#show(moment);
    return registers[index];
  }

  #write(index: number, value: number): void {
    const { registers } = this.#state;
    if (index === C || index === D) return;
    const moment = this.#moment;
    this.#look(moment);
    const wasRunning = this.#running;
    if (wasRunning) this.#show(moment);
    registers[index] = index === A ? value & 0x7f : value;
    const isSet = wasRunning ? dateRegisters.has(index) : this.#running;
    if (isSet) this.#setDate(moment, index === A);
    this.#align(moment);
    this.#arm(moment);
  }

  /** Takes the date from the registers. SET leaves the divider chain alone; one that starts anew updates half a second later. */
  #setDate(moment: Moment, anew: boolean): void {
    const now = this.#seconds(moment);
    const fraction = anew ? 0.5 : now - Math.floor(now);
    this.#state.offset += takeDate(this.#state.registers, this.#notation) + fraction - now;
  }

  #show(moment: Moment): void {
    putDate(this.#state.registers, Math.floor(this.#seconds(moment)), this.#notation);
  }

  /** Brings the flags up to now, however much has passed since somebody looked last. */
  #look(moment: Moment): void {
    const { registers, lookedBeat, lookedSecond } = this.#state;
    this.#align(moment);
    const { lookedBeat: beat, lookedSecond: second } = this.#state;
    if (beat !== lookedBeat) registers[C] |= Control.periodic;
    if (this.#running && second > lookedSecond) {
      registers[C] |= Control.update;
      if (nextAlarm(registers, lookedSecond, this.#notation) <= second) registers[C] |= Control.alarm;
    }
    this.#request();
  }

  /** From here the next look counts: a change of rate or date must not seem to be the passing of time. */
  #align(moment: Moment): void {
    const state = this.#state;
    const period = this.#period;
    state.lookedBeat = period ? Math.floor(ticksIn(moment.now, crystal) / period) : 0;
    state.lookedSecond = Math.floor(this.#seconds(moment));
  }

  /** Whether a flag stands whose interrupt is enabled; register C says so too. */
  #request(): boolean {
    const { registers } = this.#state;
    const raised = (registers[C] & registers[B] & interrupts) !== 0;
    registers[C] = (registers[C] & ~requested) | (raised ? requested : 0);
    return raised;
  }

  /** Sets the interrupt line, and a timer for the first thing that may raise it. */
  #arm(moment: Moment): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const raised = this.#request();
    drive(this.#line, raised);
    // While the line is up nothing can raise it; the flags catch up when register C is read.
    const at = raised ? Number.POSITIVE_INFINITY : this.#nextEvent(moment);
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timer = this.clock.schedule(at, () => {
      const then = this.#moment;
      this.#look(then);
      this.#arm(then);
    });
  }

  #nextEvent(moment: Moment): number {
    const { now } = moment;
    const { registers } = this.#state;
    const enabled = registers[B] & interrupts;
    let at = Number.POSITIVE_INFINITY;
    const period = this.#period;
    if (enabled & Control.periodic && period) {
      at = nanosecondsOf((Math.floor(ticksIn(now, crystal) / period) + 1) * period, crystal);
    }
    if (!this.#running || !(enabled & (Control.update | Control.alarm))) return at;
    const seconds = this.#seconds(moment);
    const whole = Math.floor(seconds);
    const due = enabled & Control.update ? whole + 1 : nextAlarm(registers, whole, this.#notation);
    return Math.min(at, now + Math.max(resolution, Math.ceil((due - seconds) * 1e9)));
  }

  /** Of the periodic interrupt, in beats of the crystal; 0 for none. Rates 1 and 2 repeat 8 and 9. */
  get #period(): number {
    const rate = this.#state.registers[A] & 15;
    if (rate === 0) return 0;
    return 1 << ((rate < 3 ? rate + 7 : rate) - 1);
  }
}

const isTime = (index: number): boolean => dateRegisters.has(index) || index === DateRegister.dayOfWeek;

const initial = (registers: Uint8Array) => ({
  index: 0,
  registers,
  /** Seconds that the guest's date is ahead of the wall clock. */
  offset: 0,
  lookedBeat: 0,
  lookedSecond: 0,
});
