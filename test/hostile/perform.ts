/** Runs one hostile guest as an embedding program would, and watches the program. */
import { type BuildOptions, build, type Machine, type Outcome, pc } from '#machines';
import type { Case, Measurement } from './case.ts';
import type { HostileGuest } from './guest.ts';
import { bootSource } from './image.ts';
import { LagProbe } from './lag-probe.ts';
import { MemoryProbe } from './memory-probe.ts';

/** How often a run is stopped and taken up again: each time it is measured how long that takes. */
const stops = 4;

/** What makes a program start the machine anew, as the command line does. */
const restarting: ReadonlySet<Outcome['kind']> = new Set(['reset', 'tripleFault']);

export interface Performance extends Measurement {
  /** The outcome that the guest should not have had. */
  readonly ended: string | undefined;
}

export async function perform(guest: HostileGuest, { accelerator, clock, seconds }: Case, onTurn: () => void) {
  const { change = {}, processors = 1 } = guest;
  const profile = pc
    .with({ memory: '64 MiB', processors, clock, boot: bootSource(guest) })
    .with(typeof change === 'function' ? change() : change);
  const options: BuildOptions = { accelerator };
  await using machine = await build(profile, options);
  guest.prepare?.(machine.memory);
  return await watch(machine, guest, seconds, onTurn);
}

async function watch(machine: Machine, guest: HostileGuest, seconds: number, onTurn: () => void): Promise<Performance> {
  const memory = new MemoryProbe();
  const lag = new LagProbe();
  const signs = setInterval(onTurn, 100);
  lag.start();
  let restarts = 0;
  let stop = 0;
  let guestTime = 0;
  let ended: string | undefined;
  for (let count = 0; count < stops && ended === undefined; count++) {
    let asked = Number.POSITIVE_INFINITY;
    const timer = setTimeout(
      () => {
        asked = performance.now();
        machine.stop();
      },
      (seconds * 1000) / stops,
    );
    for (;;) {
      const before = machine.now;
      const outcome = await machine.run();
      guestTime += machine.now - before;
      if (outcome.kind === 'stopped') break;
      if (!restarting.has(outcome.kind)) {
        ended = JSON.stringify(outcome);
        break;
      }
      // Who was told to stop while the machine ended by itself does not start it again.
      if (asked < Number.POSITIVE_INFINITY) break;
      restarts++;
      machine.reset();
      guest.prepare?.(machine.memory);
      await turn();
    }
    clearTimeout(timer);
    if (asked < Number.POSITIVE_INFINITY) stop = Math.max(stop, performance.now() - asked);
  }
  clearInterval(signs);
  return { lag: lag.stop(), stop, ...memory.stop(), guestTime: guestTime / 1e6, restarts, ended };
}

/** A program that starts a machine in a loop must let its own events happen, as any loop must. */
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
