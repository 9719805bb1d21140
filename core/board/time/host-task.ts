import { service } from '../framework/service.ts';
import type { Clock } from './clock.ts';

export type HostTaskResult<T> = { readonly value: T } | { readonly error: unknown };

/** Work that the host does for a device: a disk read, a packet sent. */
export interface HostTasks {
  /** Calls `done` when `work` has ended and `latency` nanoseconds of the machine's time have passed. */
  perform<T>(work: Promise<T>, latency: number, done: (result: HostTaskResult<T>) => void): void;
}

export const HostTasks = service<HostTasks>('HostTasks');

const outcome = <T>(work: Promise<T>): Promise<HostTaskResult<T>> =>
  work.then(
    value => ({ value }),
    (error: unknown) => ({ error }),
  );

export interface ImmediateTaskParts {
  /** Does something to the board, as one act of its clock. */
  readonly act?: (work: () => void) => void;
  /** Real nanoseconds. */
  readonly stopwatch?: () => number;
  /** Resolves in the next turn of the host's event loop. */
  readonly breathe?: () => Promise<void>;
}

/** Nanoseconds of one turn of the event loop that ends of tasks may take: each may begin another task, which is over at once. */
const longestTurn = 2e6;

/** Real time: a task is over when it is over. What `done` throws, the run loop hears from `settle`, as it does in virtual time. */
export class ImmediateHostTasks implements HostTasks {
  readonly #act: (work: () => void) => void;
  readonly #stopwatch: () => number;
  readonly #breathe: () => Promise<void>;
  #failure: { readonly error: unknown } | undefined;
  /** Ends of tasks, in their order. */
  #ended: (() => void)[] = [];
  /** When the present turn's first task ended; negative: none has. */
  #turn = -1;
  #waiting = false;

  constructor({ act = work => work(), stopwatch = () => 0, breathe = async () => {} }: ImmediateTaskParts = {}) {
    this.#act = act;
    this.#stopwatch = stopwatch;
    this.#breathe = breathe;
  }

  perform<T>(work: Promise<T>, _latency: number, done: (result: HostTaskResult<T>) => void): void {
    void outcome(work).then(result => {
      this.#ended.push(() => done(result));
      if (!this.#waiting) this.#end();
    });
  }

  settle(): undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure.error;
  }

  #end(): void {
    if (this.#turn < 0) this.#begin();
    for (let done = this.#ended.shift(); done; done = this.#ended.shift()) {
      try {
        this.#act(done);
      } catch (error) {
        this.#failure ??= { error };
      }
      if (this.#stopwatch() - this.#turn > longestTurn) {
        this.#waiting = true;
        return;
      }
    }
  }

  #begin(): void {
    this.#turn = this.#stopwatch();
    void this.#breathe().then(() => {
      this.#turn = -1;
      this.#waiting = false;
      if (this.#ended.length > 0) this.#end();
    });
  }
}

interface Task {
  result: HostTaskResult<unknown> | undefined;
  readonly settled: Promise<void>;
  readonly done: (result: HostTaskResult<never>) => void;
}

/**
 * Virtual time: a task is over exactly `latency` after it began, however slow the host was. The run loop calls `settle` after
 * each `clock.fire()` and, while it gets a promise, awaits it and calls again, before any time passes. `done` is never called from within
 * a timer.
 */
export class VirtualHostTasks implements HostTasks {
  #due: Task[] = [];

  constructor(private readonly clock: Clock) {}

  perform<T>(work: Promise<T>, latency: number, done: (result: HostTaskResult<T>) => void): void {
    const task: Task = {
      result: undefined,
      settled: outcome(work).then(result => {
        task.result = result;
      }),
      done: done as Task['done'],
    };
    this.clock.schedule(this.clock.now + latency, () => this.#due.push(task));
  }

  /** Finishes the due tasks in order. Answers a promise if it has to wait for the host first, and is to be called again then. */
  settle(): Promise<void> | undefined {
    for (let task = this.#due[0]; task; task = this.#due[0]) {
      if (!task.result) return task.settled;
      this.#due.shift();
      task.done(task.result as HostTaskResult<never>);
    }
    return undefined;
  }
}
