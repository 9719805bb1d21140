/** A machine's clock, and what follows from its kind: how acts see time, and when the host's work for devices ends. */
import type { AcceleratorTime } from '#accelerators';
import { HostClock, type HostTasks, ImmediateHostTasks, VirtualClock, VirtualHostTasks } from '#core';
import { type Acts, RealTimeActs, virtualTimeActs } from './acts.ts';
import { breathe } from './breathe.ts';
import type { Profile } from './profile.ts';
import type { RunClock } from './scheduler.ts';

export interface Timekeeping {
  readonly clock: RunClock;
  readonly acts: Acts;
  readonly hostTasks: HostTasks & { settle(): Promise<void> | undefined };
}

/** `stopwatch`: real nanoseconds. */
export function keepTime(kind: Profile['clock'], time: AcceleratorTime, stopwatch: () => number): Timekeeping {
  if (kind === 'virtual') {
    const clock = new VirtualClock(time);
    return { clock, acts: virtualTimeActs, hostTasks: new VirtualHostTasks(clock) };
  }
  const clock = hostClock(time);
  const acts = new RealTimeActs(time, clock);
  const act = (work: () => void): void => acts.run(work);
  return { clock, acts, hostTasks: new ImmediateHostTasks({ act, stopwatch, breathe }) };
}

/** Reads as the processors' counters do: at power-on, and after a machine has been restored. */
function hostClock(time: AcceleratorTime): HostClock {
  time.hold();
  try {
    return new HostClock(() => time.ticks, time.ticks);
  } finally {
    time.release();
  }
}
