import {
  Clock,
  ComponentName,
  copyState,
  Device,
  device,
  drive,
  InputPin,
  type InterruptLine,
  integer,
  list,
  lowPage,
  Mmio,
  Options,
  type OptionsOf,
  registers32,
  requireRanges,
  restoreState,
  type SavedState,
  type StateRanges,
  type Timer,
  text,
  timeRange,
  Wires,
} from '#core';
import {
  Configuration,
  comparatorRanges,
  HpetComparator,
  initialComparator,
  minimumPeriod,
  turn,
} from './hpet-comparator.ts';

const Register = { capabilities: 0, period: 4, configuration: 0x10, status: 0x20, counter: 0xf0 } as const;
const firstTimer = 0x100;
const timerStride = 0x20;
const TimerRegister = { configuration: 0, routes: 4, comparator: 8 } as const;

const General = { enabled: 1, legacy: 2 } as const;

/** Nanoseconds. */
const tick = 10;

/** The interrupts that the PIT and the RTC give way to timers 0 and 1 on. */
const replaced = [0, 8];

/**
 * IA-PC HPET 1.0a: a counter at 100 MHz and comparators, all of 32 bits. It sits between the PIT and the RTC and their interrupts:
 * a wire to its pin leads on to that of `isa`, unless legacy replacement has taken that over. No messages (FSB delivery).
 */
@device('hpet')
export class Hpet extends Device {
  static readonly options = {
    base: lowPage().or(0xfed0_0000),
    isa: text().or('isa'),
    ioapic: text().or('ioapic'),
    /** Pins of the I/O APIC that a timer may interrupt on. */
    routes: list(integer(0, 31)).or([20, 21, 22, 23]),
    /** Timers: chips have three at least. */
    comparators: integer(2, 3).or(3),
  };

  /** Revision 1, so many timers, legacy replacement, Intel's. */
  static capabilities = ({ comparators }: { readonly comparators: number }): number =>
    (0x8086_8001 | ((comparators - 1) << 8)) >>> 0;
  static readonly minimumPeriod = minimumPeriod;

  #state = initial();
  readonly #timers: readonly HpetComparator[];
  readonly #routes: ReadonlyMap<number, InterruptLine>[];
  readonly #legacy: readonly { readonly line: InterruptLine; high: boolean }[];
  readonly #identity: number;
  readonly #pins: number;
  #wake: Timer | undefined;

  constructor(
    @Options { base, isa, ioapic, routes, comparators }: OptionsOf<typeof Hpet.options>,
    @ComponentName name: string,
    @Mmio mmio: Mmio,
    @Wires wires: Wires,
    @Clock private readonly clock: Clock,
  ) {
    super();
    this.#timers = Array.from({ length: comparators }, () => new HpetComparator(route => routes.includes(route)));
    this.#routes = this.#timers.map(
      () => new Map(routes.map(route => [route, wires.line(`${ioapic}@${route}`)] as const)),
    );
    const sources = Array.from({ length: 16 }, (_, irq) => ({ line: wires.line(`${isa}@${irq}`), high: false }));
    this.#legacy = replaced.map(irq => sources[irq]);
    wires.relay(name, sources.length, irq => {
      const source = sources[irq];
      return new InputPin(`${name}@${irq}`, high => {
        source.high = high;
        if (!this.#replaces || !replaced.includes(irq)) drive(source.line, high);
      });
    });
    this.#identity = Hpet.capabilities({ comparators });
    this.#pins = routes.reduce((bits, route) => bits | (1 << route), 0) >>> 0;
    mmio.claim(
      { base, length: 0x400 },
      registers32({
        name,
        read: offset => this.#read(offset),
        write: (offset, value) => this.#write(offset, value),
      }),
    );
  }

  reset(): void {
    this.#state = initial();
    for (const timer of this.#timers) timer.state = initialComparator();
    this.#drive();
    this.#arm();
  }

  save(): SavedState {
    return { version: 1, ...copyState(this.#state), timers: this.#timers.map(({ state }) => copyState(state)) };
  }

  restore(state: SavedState): void {
    const form = { ...initial(), timers: this.#timers.map(initialComparator) };
    const { timers, ...own } = restoreState(form, state, 1);
    requireRanges(own, ranges);
    timers.forEach((timer, index) => {
      requireRanges(timer, comparatorRanges, `timers.${index}.`);
    });
    this.#state = own;
    this.#timers.forEach((timer, index) => {
      timer.state = timers[index];
    });
    this.#drive();
    this.#arm();
  }

  inspect() {
    return { ...this.#state, count: this.#count, timers: this.#timers.map(({ state }) => ({ ...state })) };
  }

  get #running(): boolean {
    return (this.#state.configuration & General.enabled) !== 0;
  }

  get #replaces(): boolean {
    return (this.#state.configuration & General.legacy) !== 0;
  }

  get #elapsed(): number {
    return this.#running ? Math.max(0, Math.floor((this.clock.now - this.#state.start) / tick)) : 0;
  }

  get #count(): number {
    return (this.#state.count + this.#elapsed) % turn;
  }

  #read(offset: number): number {
    this.#look();
    switch (offset) {
      case Register.capabilities:
        return this.#identity;
      case Register.period:
        return tick * 1e6;
      case Register.configuration:
        return this.#state.configuration;
      case Register.status:
        return this.#state.status;
      case Register.counter:
        return this.#count;
    }
    const timer = this.#timerAt(offset);
    if (!timer) return 0;
    switch (offset % timerStride) {
      case TimerRegister.configuration:
        return timer.configuration;
      case TimerRegister.routes:
        return this.#pins;
      case TimerRegister.comparator:
        return timer.state.value;
      default:
        return 0;
    }
  }

  #write(offset: number, value: number): void {
    this.#look();
    if (offset === Register.configuration) this.#configure(value & (General.enabled | General.legacy));
    else if (offset === Register.status) this.#state.status &= ~value;
    else if (offset === Register.counter) {
      if (!this.#running) this.#state.count = value;
    } else this.#writeTimer(offset, value);
    this.#drive();
    this.#arm();
  }

  #configure(value: number): void {
    const state = this.#state;
    const wasRunning = this.#running;
    const count = this.#count;
    state.configuration = value;
    if (this.#running === wasRunning) return;
    state.count = count;
    state.start = Math.floor(this.clock.now);
    for (const timer of this.#timers) timer.arm(count, 0);
  }

  #timerAt(offset: number): HpetComparator | undefined {
    return this.#timers[Math.floor((offset - firstTimer) / timerStride)];
  }

  #writeTimer(offset: number, value: number): void {
    const timer = this.#timerAt(offset);
    if (!timer) return;
    const register = offset % timerStride;
    if (register === TimerRegister.configuration) timer.configuration = value;
    if (register !== TimerRegister.comparator) return;
    timer.write(value);
    timer.arm(this.#count, this.#elapsed);
  }

  /** Notes what has matched by now, and interrupts. */
  #look(): void {
    if (!this.#running) return;
    const elapsed = this.#elapsed;
    this.#timers.forEach((timer, index) => {
      if (!timer.look(elapsed)) return;
      if (timer.is(Configuration.level)) this.#state.status |= 1 << index;
      else if (timer.is(Configuration.enabled)) this.#line(index)?.pulse();
    });
  }

  #line(index: number): InterruptLine | undefined {
    const legacy = this.#replaces ? this.#legacy[index] : undefined;
    return legacy ? legacy.line : this.#routes[index].get(this.#timers[index].route);
  }

  /** Brings all lines to what they should be: level-triggered timers stand, others pulse when it is time. */
  #drive(): void {
    const standing = new Set<InterruptLine | undefined>();
    this.#timers.forEach((timer, index) => {
      const stands = timer.is(Configuration.level) && timer.is(Configuration.enabled);
      if (this.#running && stands && this.#state.status & (1 << index)) standing.add(this.#line(index));
    });
    for (const routes of this.#routes) for (const line of routes.values()) drive(line, standing.has(line));
    for (const { line, high } of this.#legacy) drive(line, this.#replaces ? standing.has(line) : high);
  }

  /** Waits for the next match that interrupts. */
  #arm(): void {
    this.#wake?.cancel();
    this.#wake = undefined;
    const awaited = this.#timers.filter(timer => timer.is(Configuration.enabled));
    if (!this.#running || awaited.length === 0) return;
    const due = Math.min(...awaited.map(({ state }) => state.due));
    this.#wake = this.clock.schedule(this.#state.start + due * tick, () => {
      this.#look();
      this.#drive();
      this.#arm();
    });
  }
}

const initial = () => ({
  configuration: 0,
  status: 0,
  /** Of the main counter, when it began to run or was stopped. */
  count: 0,
  /** Nanosecond at which it began to run. */
  start: 0,
});

const ranges: StateRanges<ReturnType<typeof initial>> = {
  configuration: [0, General.enabled | General.legacy],
  status: [0, 7],
  count: [0, turn - 1],
  start: timeRange,
};
