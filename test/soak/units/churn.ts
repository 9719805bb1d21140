/** Builds small machines, runs them for a while, saves and restores some, and disposes of all. */
import { build, toyvirt } from '#machines';
import type { ChurnUnit, Report, Trace } from '../unit.ts';

export async function runChurn({ machines, place }: ChurnUnit): Promise<Report> {
  const failures: string[] = [];
  const traces: Trace[] = [];
  for (let n = 0; n < machines; n++) {
    await using machine = await build(toyvirt, place);
    // The toy kernel takes some 14,000 ns.
    await machine.run({ timeout: 500 * ((n % 25) + 1) });
    machine.restore(machine.save());
    const { kind } = await machine.run({ timeout: '10 s' });
    if (kind !== 'exit' && kind !== 'powerOff') failures.push(`machine ${n} ended with ${kind}`);
    if (n === machines - 1)
      traces.push({ configuration: 'toyvirt', log: machine.serial.text, end: `${kind} at ${machine.now}` });
  }
  return { failures, traces, counts: { machines } };
}
