/**
 * A debugger of one machine: it makes the machine stand between two instructions, looks at it, and lets it go on. Meanwhile time stands too, so that
 * under either clock the guest cannot tell.
 */
import type { AcceleratorTime, Breakpoint, Exit, VirtualMachine } from '#accelerators';
import { type GuestMemory, MachineError } from '#core';
import { LinearMemory } from './linear-memory.ts';
import type { RunControl } from './run-control.ts';

/** Why the machine stands. */
export type StopReason =
  /** `pause` was called. */
  | { readonly kind: 'paused' }
  /** The instruction that was asked for has been executed, or the processor has halted in it. */
  | { readonly kind: 'step'; readonly processor: number }
  | { readonly kind: 'breakpoint'; readonly processor: number; readonly breakpoint: Breakpoint }
  /** A triple fault, before anything follows from it. */
  | { readonly kind: 'shutdown'; readonly processor: number };

export interface ResumeOptions {
  /** This processor executes one instruction, after which the machine stands again. */
  readonly step?: number;
  /** No other processor than this one runs. */
  readonly only?: number;
  /** Of a step: interrupts that are pending are taken first. Default: they stay pending, so that a step does not lead into their handlers. */
  readonly interrupts?: boolean;
}

export interface DebuggerOptions {
  /** The machine has come to stand. What it throws ends the run with `bad-observer`. */
  readonly onStop?: (reason: StopReason) => void;
}

export interface DebuggerParts {
  readonly virtual: Pick<VirtualMachine, 'processors' | 'setBreakpoints'>;
  readonly memory: GuestMemory;
  readonly time: AcceleratorTime;
  readonly scheduler: { readonly running: boolean; control: RunControl | undefined; wake(): void };
  /** Takes what `onStop` throws. */
  readonly failed: (cause: unknown) => void;
  readonly detached: () => void;
}

/** Exits of a step that has executed its instruction. */
const ends: ReadonlySet<Exit['reason']> = new Set(['step', 'halt', 'pause']);

export class Debugger implements Disposable {
  readonly memory: LinearMemory;
  readonly #parts: DebuggerParts;
  readonly #options: DebuggerOptions;
  readonly #control: RunControl;
  #reason: StopReason | undefined;
  #next: StopReason | undefined;
  #over: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #disposed = false;

  /** @internal */
  constructor(parts: DebuggerParts, options: DebuggerOptions) {
    this.#parts = parts;
    this.#options = options;
    this.memory = new LinearMemory(parts.virtual, parts.memory);
    this.#control = {
      stops: false,
      step: undefined,
      only: undefined,
      interrupts: false,
      stand: () => this.#stand(),
      exited: (processor, exit) => this.#exited(processor, exit),
    };
    parts.scheduler.control = this.#control;
  }

  /** Why the machine stands; undefined: it does not. */
  get stopped(): StopReason | undefined {
    return this.#reason;
  }

  /** False once it has been disposed of. */
  get attached(): boolean {
    return !this.#disposed;
  }

  /**
   * Makes the machine stand as soon as the instruction under way is over; at once where nothing runs. A machine that is not being run stands, too: a
   * later `run` waits for `resume`.
   */
  pause(): void {
    this.#requireAttached();
    if (this.#reason) return;
    this.#stopFor({ kind: 'paused' });
    if (this.#parts.scheduler.running) this.#parts.scheduler.wake();
    else void this.#stand();
  }

  /** Lets the machine go on. `onStop` tells when it stands again. */
  resume({ step, only, interrupts = false }: ResumeOptions = {}): void {
    this.#requireAttached();
    this.#requireProcessor(step);
    this.#requireProcessor(only);
    if (!this.#reason) throw new MachineError('bad-call', 'the machine does not stand', { remedy: 'pause it first' });
    if (step !== undefined && only !== undefined && step !== only)
      throw new MachineError('bad-call', `processor ${step} cannot step where only processor ${only} runs`, {
        remedy: 'give the same processor',
      });
    const control = this.#control;
    control.step = step;
    control.only = only;
    control.interrupts = interrupts;
    this.#goOn();
  }

  /** In the place of those before, on all processors; the guest cannot see them. How many there may be the accelerator's features say. */
  setBreakpoints(list: readonly Breakpoint[]): void {
    this.#requireAttached();
    this.#parts.virtual.setBreakpoints(list);
  }

  /** Takes the breakpoints away; a machine that stands goes on. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#parts.virtual.setBreakpoints([]);
    this.#parts.scheduler.control = undefined;
    this.#next = undefined;
    this.#goOn();
    this.#parts.detached();
  }

  #stopFor(reason: StopReason): void {
    this.#next ??= reason;
    this.#control.stops = true;
  }

  #exited(processor: number, exit: Exit): void {
    if (exit.reason === 'breakpoint') this.#stopFor({ kind: 'breakpoint', processor, breakpoint: exit.breakpoint });
    else if (exit.reason === 'shutdown') this.#stopFor({ kind: 'shutdown', processor });
    else if (this.#control.step === processor && ends.has(exit.reason)) this.#stopFor({ kind: 'step', processor });
  }

  /** The scheduler has come between two instructions; the promise is fulfilled when it may go on. */
  #stand(): Promise<void> {
    if (this.#over) return this.#over.promise;
    const over = Promise.withResolvers<void>();
    this.#over = over;
    const { time } = this.#parts;
    time.hold();
    const reason = this.#next ?? { kind: 'paused' };
    this.#next = undefined;
    this.#reason = reason;
    this.#control.step = undefined;
    this.#control.only = undefined;
    try {
      this.#options.onStop?.(reason);
    } catch (cause) {
      this.#parts.failed(cause);
      this[Symbol.dispose]();
    }
    return over.promise;
  }

  #goOn(): void {
    this.#control.stops = false;
    const over = this.#over;
    if (!over) return;
    this.#over = undefined;
    this.#reason = undefined;
    const { time } = this.#parts;
    // A state that was restored meanwhile has brought its own time.
    const ticks = time.ticks;
    time.release();
    if (time.ticks !== ticks) time.ticks = ticks;
    over.resolve();
  }

  #requireAttached(): void {
    if (this.#disposed)
      throw new MachineError('bad-call', 'the debugger has been disposed of', { remedy: 'attach another' });
  }

  #requireProcessor(index: number | undefined): void {
    const { processors } = this.#parts.virtual;
    if (index === undefined || processors[index]) return;
    throw new MachineError('bad-call', `there is no processor ${index}`, {
      remedy: `give 0 to ${processors.length - 1}`,
    });
  }
}
