/**
 * Runs the processors of one machine in turn on one thread, fires timers at their exact moments, and passes idle time. Under the
 * virtual clock everything that happens follows from the instructions executed: two runs are the same.
 */
import type { Accelerator, Pacer, VirtualMachine } from '#accelerators';
import { type Clock, type InterruptController, MachineError, type PowerControl, type ProcessorSignals } from '#core';
import type { Outcome } from './outcome.ts';

export interface RunClock extends Clock {
  fire(): void;
}

export interface SchedulerParts {
  readonly accelerator: Pick<Accelerator, 'time'>;
  readonly clock: RunClock;
  readonly virtual: boolean;
  readonly processors: number;
  /** Finishes what the host did for devices; a promise where time must not pass before the host is done. */
  readonly settle: () => Promise<void> | undefined;
  /** Lets the host's own events happen. */
  readonly breathe: () => Promise<void>;
  /** Whether anything outside the machine (a terminal, a disk at work) may still wake it. */
  readonly expectsInput: () => boolean;
  /** Real nanoseconds: only to decide when to breathe. */
  readonly stopwatch: () => number;
}

/** Instructions that one processor runs before the next one's turn. */
const quantum = 20_000;
/** With one processor there are no turns; this bounds how long the host waits for its turn. */
const longQuantum = 200_000;
const breathEvery = 8_000_000;
/** After this the host is asked anew whether anybody can still type. */
const longestSleep = 1e9;
/** The host's timers are no finer. */
const shortestSleep = 1e6;
/** How many idle moments pass between two looks whether the guest can ever wake. */
const askEvery = 32;
const interruptFlag = 0x200n;

export type Activity = 'running' | 'halted' | 'waitForSipi';

/** Whose turn it is, and until when (under the virtual clock): a run that ends in between changes nothing about that. */
export interface Turn {
  readonly processor: number;
  /** 0: it has not begun. */
  readonly end: number;
}

const firstTurn: Turn = { processor: 0, end: 0 };

export class Scheduler implements ProcessorSignals, Pacer {
  readonly count: number;
  #machine!: VirtualMachine;
  #controllers: readonly InterruptController[] = [];
  readonly #activity: Activity[];
  #outcome: Outcome | undefined;
  #turn: Turn = firstTurn;
  #remainingOnHostClock = 0;
  #wake: (() => void) | undefined;
  #running = false;
  #idled = 0;
  #deadline = Number.POSITIVE_INFINITY;

  constructor(private readonly parts: SchedulerParts) {
    this.count = parts.processors;
    this.#activity = Array.from({ length: parts.processors }, (_, n) => (n === 0 ? 'running' : 'waitForSipi'));
  }

  attach(machine: VirtualMachine, controllers: readonly InterruptController[]): void {
    this.#machine = machine;
    this.#controllers = controllers;
    for (const controller of controllers) controller.onChange = () => this.#wake?.();
  }

  get running(): boolean {
    return this.#running;
  }

  activity(processor: number): Activity {
    return this.#activity[processor]!;
  }

  get turn(): Turn {
    return this.#turn;
  }

  /** All processors as after power-on: the first runs, the others wait. */
  reset(): void {
    this.#activity.fill('waitForSipi');
    this.#activity[0] = 'running';
    this.#turn = firstTurn;
    this.#outcome = undefined;
  }

  /** As `activity` and `turn` told of a machine that is to go on here. */
  restore(activity: readonly Activity[], turn: Turn): void {
    activity.forEach((each, index) => {
      this.#activity[index] = each;
    });
    this.#turn = turn;
    this.#outcome = undefined;
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
    this.#wake?.();
  }

  init(processor: number): void {
    this.#machine.processors[processor]?.init();
    if (processor !== 0) this.#activity[processor] = 'waitForSipi';
    else this.#activity[0] = 'running';
  }

  startup(processor: number, vector: number): void {
    if (this.#activity[processor] !== 'waitForSipi') return;
    this.#machine.processors[processor]!.startup(vector);
    this.#activity[processor] = 'running';
  }

  remaining(): number {
    if (this.#outcome) return 0;
    const { clock, virtual } = this.parts;
    if (virtual) return Math.min(clock.nextDeadline, this.#turn.end, this.#deadline) - clock.now;
    if (clock.nextDeadline <= clock.now) return 0;
    const remaining = this.#remainingOnHostClock;
    this.#remainingOnHostClock = 0;
    return remaining;
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
    try {
      return await this.#loop(check);
    } finally {
      this.#running = false;
      this.#wake = undefined;
    }
  }

  async #loop(check: () => Outcome | undefined): Promise<Outcome> {
    const { clock, settle, breathe, stopwatch } = this.parts;
    let breath = stopwatch();
    for (;;) {
      clock.fire();
      const waiting = settle();
      if (waiting) await waiting;
      const outcome = this.#outcome ?? check();
      if (outcome) return outcome;
      const before = clock.now;
      const busy = this.#round();
      if (this.#outcome) continue;
      if (!busy && (clock.now === before || !this.parts.virtual)) await this.#idle();
      if (stopwatch() - breath > breathEvery) {
        await breathe();
        breath = stopwatch();
      }
    }
  }

  /** A turn of every processor that can run, or what is left of the present one. False: none had anything to do. */
  #round(): boolean {
    const { clock, virtual } = this.parts;
    const length = this.count > 1 ? quantum : longQuantum;
    let busy = false;
    for (let count = 0; count < this.count; count++) {
      const { processor, end } = this.#turn;
      if (this.#runnable(processor)) {
        if (end <= clock.now) this.#turn = { processor, end: clock.now + length };
        this.#remainingOnHostClock = length;
        if (this.#slice(processor)) {
          busy = true;
          if (virtual && clock.now < this.#turn.end) return true;
        }
        if (this.#outcome) return true;
      }
      this.#turn = { processor: (processor + 1) % this.count, end: 0 };
      if (busy && virtual && Math.min(clock.nextDeadline, this.#deadline) <= clock.now) return true;
    }
    return busy;
  }

  /** Runs a processor; whether it could go on. */
  #slice(index: number): boolean {
    const exit = this.#machine.processors[index]!.run();
    switch (exit.reason) {
      case 'halt':
        if (this.#activity[index] === 'running') this.#activity[index] = 'halted';
        return false;
      case 'shutdown':
        this.end({ kind: 'tripleFault', processor: index });
        return false;
      case 'error':
        this.end({ kind: 'error', code: exit.code, message: exit.message });
        return false;
      default:
        return true;
    }
  }

  #runnable(index: number): boolean {
    if (this.#activity[index] === 'running') return true;
    if (this.#activity[index] === 'waitForSipi') return false;
    const controller = this.#controllers[index]!;
    // Whether it can take the interrupt only the processor knows; if not, it says `halt` again and time passes all the same.
    if (!controller.pending && !controller.nmiPending && !this.#machine.processors[index]!.woken) return false;
    this.#activity[index] = 'running';
    return true;
  }

  /** Nobody runs: time goes on to the next timer, or the host is waited for. */
  async #idle(): Promise<void> {
    const { clock, accelerator, virtual, breathe, expectsInput, stopwatch } = this.parts;
    const forever = clock.nextDeadline === Number.POSITIVE_INFINITY;
    if ((forever && !expectsInput()) || ((forever || ++this.#idled % askEvery === 0) && this.#dead())) {
      return this.end({ kind: 'halted' });
    }
    const wait = Math.min(clock.nextDeadline, this.#deadline, clock.now + longestSleep) - clock.now;
    if (wait <= 0) return;
    if (virtual && (wait < shortestSleep || !expectsInput())) {
      accelerator.time.skip(wait);
      return;
    }
    const start = stopwatch();
    const woken = await this.#sleep(wait);
    if (virtual) accelerator.time.skip(woken ? Math.min(wait, Math.floor(stopwatch() - start)) : wait);
    await breathe();
  }

  /** Every processor has halted with interrupts disabled: what Linux does after `halt`. */
  #dead(): boolean {
    return this.#machine.processors.every((processor, index) => {
      if (this.#activity[index] === 'waitForSipi') return true;
      if (this.#activity[index] === 'running' || this.#controllers[index]!.nmiPending) return false;
      if (processor.waiting) return false;
      return (processor.getState('general').general.rflags & interruptFlag) === 0n;
    });
  }

  /** True if something woke it before the time was over. */
  #sleep(nanoseconds: number): Promise<boolean> {
    return new Promise(resolve => {
      const end = (woken: boolean): void => {
        this.#wake = undefined;
        clearTimeout(timer);
        resolve(woken);
      };
      const timer = setTimeout(() => end(false), nanoseconds / 1e6);
      this.#wake = () => end(true);
    });
  }
}
