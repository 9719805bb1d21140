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

/** Real time: a task is over when it is over. What `done` throws, the run loop hears from `settle`, as it does in virtual time. */
export class ImmediateHostTasks implements HostTasks {
  #failure: { readonly error: unknown } | undefined;

  /** `act` does something to the board, as one act of its clock. */
  constructor(private readonly act: (work: () => void) => void = work => work()) {}

  perform<T>(work: Promise<T>, _latency: number, done: (result: HostTaskResult<T>) => void): void {
    void outcome(work)
      .then(result => this.act(() => done(result)))
      .catch((error: unknown) => {
        this.#failure ??= { error };
      });
  }

  settle(): undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure.error;
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
