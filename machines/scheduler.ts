/**
 * Runs the processors of one machine in turn on one thread, fires timers at their exact moments, and passes idle time. Under the
 * virtual clock everything that happens follows from the instructions executed: two runs are the same. Where the host's own events
 * need their turn in the middle of a slice, they get it, and the slice goes on as if nothing had been.
 */
import type { AcceleratorTime, Exit, Pacer, VirtualMachine } from '#accelerators';
import { type Clock, type InterruptController, MachineError, type PowerControl, type ProcessorSignals } from '#core';
import { Breath } from './breath.ts';
import type { RunHooks } from './observe.ts';
import type { Outcome } from './outcome.ts';
import { type Activity, ProcessorActivity } from './processor-activity.ts';
import type { RunControl } from './run-control.ts';
import { Sleep } from './sleep.ts';
import { longQuantum, type Turn, Turns } from './turns.ts';

export interface RunClock extends Clock {
  fire(): void;
}

export interface SchedulerParts {
  readonly time: Pick<AcceleratorTime, 'skip'>;
  readonly clock: RunClock;
  readonly virtual: boolean;
  readonly processors: number;
  /** Runs the timers that are due. */
  readonly fire: () => void;
  /** Finishes what the host did for devices; a promise where time must not pass before the host is done: it is asked again then. */
  readonly settle: () => Promise<void> | undefined;
  /** Lets the host's own events happen. */
  readonly breathe: () => Promise<void>;
  /** Whether anything outside the machine (a terminal, a disk at work) may still wake it. */
  readonly expectsInput: () => boolean;
  /** Real nanoseconds: under the virtual clock only to decide when to breathe. */
  readonly stopwatch: () => number;
}

/** Real time: instructions of an entry. Timers are late by it, at most. */
const entry = 20_000;
/** After this the host is asked anew whether anybody can still type. */
const longestSleep = 1e9;
/** The host's timers are no finer. */
const shortestSleep = 1e6;
/** How many idle moments pass between two looks whether the guest can ever wake. */
const askEvery = 32;

/** `ready`: it could go on. `spinning`: it waits for another processor. `stopped`: it halted, or the machine has ended. */
type SliceEnd = 'ready' | 'spinning' | 'stopped';
/** `interrupted`: the slice is to go on after a breath, before anything else happens. `idle`: nobody had anything to do. */
type Step = 'ran' | 'interrupted' | 'idle';

export class Scheduler implements ProcessorSignals, Pacer, RunHooks {
  readonly count: number;
  readonly #turns: Turns;
  readonly #activity: ProcessorActivity;
  readonly #sleep = new Sleep();
  #machine!: VirtualMachine;
  #outcome: Outcome | undefined;
  /** Ends the wait for the host when the run ends. */
  #giveUp: (() => void) | undefined;
  #running = false;
  #idled = 0;
  #deadline = Number.POSITIVE_INFINITY;
  readonly #breath: Breath;
  onExit: RunHooks['onExit'];
  onSignal: RunHooks['onSignal'];
  /** Of a debugger. */
  control: RunControl | undefined;
  /** What ends the run once a debugger has looked at it. */
  #afterStand: Outcome | undefined;
  #stands = false;
  /** The slice has not run anything yet: it does, however late it is, or a fast timer would keep the guest from running at all. */
  #fresh = false;
  /** The processor that runs; -1: none. */
  #current = -1;
  /** It has sent itself an INIT. */
  #initWaits = false;

  constructor(private readonly parts: SchedulerParts) {
    const { processors, stopwatch, virtual } = parts;
    this.count = processors;
    this.#breath = new Breath(stopwatch);
    this.#turns = new Turns(processors, virtual);
    this.#activity = new ProcessorActivity(processors);
  }

  /** What interrupts a processor wakes the machine. */
  attach(machine: VirtualMachine, controllers: readonly InterruptController[]): void {
    this.#machine = machine;
    this.#activity.attach(machine, controllers);
    for (const controller of controllers) controller.onChange = () => this.#sleep.wake();
  }

  get current(): number {
    return this.#current;
  }

  get running(): boolean {
    return this.#running;
  }

  /** A debugger holds it, between two instructions. */
  get stands(): boolean {
    return this.#stands;
  }

  activity(processor: number): Activity {
    return this.#activity.of(processor);
  }

  get turn(): Turn {
    return this.#turns.current;
  }

  /** All processors as after power-on: the first runs, the others wait. */
  reset(): void {
    this.#activity.reset();
    this.#turns.reset();
    this.#outcome = undefined;
    this.#afterStand = undefined;
    this.#initWaits = false;
  }

  /** As `activity` and `turn` told of a machine that is to go on here. */
  restore(activity: readonly Activity[], turn: Turn): void {
    this.#activity.restore(activity);
    this.#turns.current = turn;
    this.#outcome = undefined;
    this.#afterStand = undefined;
  }

  /** What devices end a run with. */
  readonly power: PowerControl = {
    powerOff: () => this.end({ kind: 'powerOff' }),
    reset: () => this.end({ kind: 'reset' }),
    exit: code => this.end({ kind: 'exit', code }),
  };

  /** Ends the run; the first reason counts. */
  end(outcome: Outcome): void {
    this.#outcome ??= outcome;
    this.#sleep.wake();
    this.#giveUp?.();
  }

  /** Ends a sleep in real time, so that what is asked between slices is asked now. */
  wake(): void {
    this.#sleep.wake();
  }

  /** A processor that sends it to itself takes it when the instruction that does is over: until then its registers are in use. */
  init(processor: number): void {
    this.onSignal?.('init', processor, 0);
    if (processor === this.#current) this.#initWaits = true;
    else this.#activity.init(processor);
  }

  startup(processor: number, vector: number): void {
    this.onSignal?.('startup', processor, vector);
    this.#activity.startup(processor, vector);
  }

  remaining(): number {
    // Before every entry: no accessors of its own.
    if (this.#outcome || this.#initWaits || this.control?.stops || this.#breath.lookNowAndThen()) return 0;
    const { virtual, clock } = this.parts;
    const left = Math.min(clock.nextDeadline, this.#turns.current.end, this.#deadline) - clock.now;
    if (virtual) return left;
    const fresh = this.#fresh;
    this.#fresh = false;
    if (!fresh && left <= 0) return 0;
    return this.count > 1 ? entry : longQuantum;
  }

  isOverdue(): boolean {
    return this.#breath.look() || (!this.parts.virtual && this.#boundary <= this.parts.clock.now);
  }

  /** What ends a slice at the latest, on the machine's clock. */
  get #boundary(): number {
    return Math.min(this.parts.clock.nextDeadline, this.#turns.current.end, this.#deadline);
  }

  /** Until something ends it, `deadline` (guest time) at the latest. `check` is asked between slices. */
  async run(deadline: number, check: () => Outcome | undefined): Promise<Outcome> {
    if (this.#running)
      throw new MachineError('bad-call', 'the machine is running already', {
        remedy: 'await the run that is under way',
      });
    this.#running = true;
    this.#outcome = undefined;
    this.#deadline = deadline;
    this.#breath.drawn();
    try {
      return await this.#loop(check);
    } finally {
      this.#running = false;
      this.#current = -1;
      this.#giveUp = undefined;
    }
  }

  async #loop(check: () => Outcome | undefined): Promise<Outcome> {
    const { fire, settle } = this.parts;
    for (;;) {
      fire();
      for (let waiting = settle(); waiting && !this.#outcome; waiting = settle()) await this.#hostOrEnd(waiting);
      const outcome = this.#outcome ?? check();
      if (outcome) return outcome;
      if (this.#shouldStand) {
        await this.#stand();
        if (this.#outcome) continue;
      }
      let step = this.#step();
      while (step === 'interrupted' && !this.#outcome) {
        if (this.#shouldStand) await this.#stand();
        else await this.#breathe();
        // Somebody may have paused it during the breath, or ended the run.
        if (!this.#shouldStand && !this.#outcome) step = this.#step();
      }
      if (this.#outcome) continue;
      if (step === 'idle') await this.#idle();
      if (this.#breath.look()) await this.#breathe();
    }
  }

  async #breathe(): Promise<void> {
    await this.parts.breathe();
    this.#breath.drawn();
  }

  get #shouldStand(): boolean {
    return this.control?.stops === true || this.#afterStand !== undefined;
  }

  /** As long as a debugger wants. Nothing else happens meanwhile, and time does not pass. */
  async #stand(): Promise<void> {
    while (this.control?.stops && !this.#outcome) {
      this.#stands = true;
      try {
        await this.#hostOrEnd(this.control.stand());
      } finally {
        this.#stands = false;
      }
    }
    if (this.#outcome || !this.#afterStand) return;
    this.end(this.#afterStand);
    this.#afterStand = undefined;
  }

  /** What the host does may take forever (nobody reads the console): whoever ends the run does not wait for it. */
  async #hostOrEnd(work: Promise<void>): Promise<void> {
    const ended = new Promise<void>(resolve => {
      this.#giveUp = resolve;
    });
    await Promise.race([work, ended]);
    this.#giveUp = undefined;
    this.#breath.drawn();
  }

  /** A slice of the first processor, from the one on whose turn it is, that has something to do. */
  #step(): Step {
    const { clock, virtual } = this.parts;
    const only = this.control?.only;
    for (let count = 0; count < this.count; count++) {
      if (only !== undefined && this.#turns.current.processor !== only) this.#turns.pass(only);
      const { processor } = this.#turns.current;
      const before = clock.now;
      const woken = this.#activity.of(processor) === 'halted';
      if (this.#activity.wakes(processor)) {
        this.#turns.begin(before);
        const ended = this.#slice(processor, woken);
        if (this.#outcome) return 'ran';
        const stops = this.control?.stops === true;
        if (stops && clock.now < this.#boundary) return 'interrupted';
        if (ended === 'ready' && clock.now < this.#turns.current.end)
          return virtual && this.#breath.due && clock.now < this.#boundary ? 'interrupted' : 'ran';
        this.#turns.pass();
        if (stops) return 'ran';
        if (ended !== 'stopped' || (virtual && clock.now !== before)) return 'ran';
      } else this.#turns.pass();
    }
    return 'idle';
  }

  /** `woken`: it had halted before. */
  #slice(index: number, woken: boolean): SliceEnd {
    this.#fresh = true;
    this.#current = index;
    const exit = this.#enter(index, woken);
    this.#current = -1;
    this.control?.exited(index, exit);
    if (this.onExit && exit.reason !== 'limit' && exit.reason !== 'cancelled') this.onExit(index, exit);
    if (this.#initWaits) {
      this.#initWaits = false;
      this.#activity.init(index);
      if (exit.reason !== 'shutdown' && exit.reason !== 'error') return index === 0 ? 'ready' : 'stopped';
    }
    switch (exit.reason) {
      case 'halt':
        this.#activity.halt(index);
        return 'stopped';
      case 'shutdown':
        this.#endAfterStand({ kind: 'tripleFault', processor: index });
        return 'stopped';
      case 'error':
        this.end({ kind: 'error', code: exit.code, message: exit.message });
        return 'stopped';
      case 'pause':
        return 'spinning';
      default:
        return 'ready';
    }
  }

  #enter(index: number, woken: boolean): Exit {
    const processor = this.#machine.processors[index];
    const { control } = this;
    if (control?.step !== index) return processor.run();
    // An interrupt has woken it: without that it would go on as if HLT had ended by itself.
    return processor.step({ interrupts: woken || control.interrupts });
  }

  #endAfterStand(outcome: Outcome): void {
    if (this.control?.stops) this.#afterStand ??= outcome;
    else this.end(outcome);
  }

  /** Nobody runs: time goes on to the next timer, or the host is waited for. */
  async #idle(): Promise<void> {
    const { clock, time, virtual, expectsInput, stopwatch } = this.parts;
    const forever = clock.nextDeadline === Number.POSITIVE_INFINITY;
    // Where a debugger lets one processor run alone, that one waits for the debugger, if for nobody else.
    const waits = this.control?.only !== undefined || expectsInput();
    if ((forever && !waits) || ((forever || ++this.#idled % askEvery === 0) && this.#activity.isDead)) {
      return this.end({ kind: 'halted' });
    }
    const wait = Math.min(clock.nextDeadline, this.#deadline, clock.now + longestSleep) - clock.now;
    if (wait <= 0) return;
    if (virtual && (wait < shortestSleep || !waits)) {
      time.skip(wait);
      return;
    }
    const start = stopwatch();
    const woken = await this.#sleep.for(wait);
    if (virtual) time.skip(woken ? Math.min(wait, Math.floor(stopwatch() - start)) : wait);
    await this.#breathe();
  }
}
