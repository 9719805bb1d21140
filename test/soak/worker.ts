/** The other end of a worker: does units as they are sent, and sends reports. */

import type { Report, Unit } from './unit.ts';
import { runBoot } from './units/boot.ts';
import { runChurn } from './units/churn.ts';
import { runClock } from './units/clock.ts';
import { runRecords } from './units/records.ts';

export interface Answer {
  readonly report: Report;
  /** Resident memory after the unit, bytes. */
  readonly resident: number;
}

function runUnit(unit: Unit): Promise<Report> {
  switch (unit.kind) {
    case 'records':
      return runRecords(unit);
    case 'clock':
      return runClock(unit);
    case 'churn':
      return runChurn(unit);
    default:
      return runBoot(unit);
  }
}

async function answer(unit: Unit): Promise<Answer> {
  const report = await runUnit(unit).catch((error: Error): Report => ({ failures: [error.stack ?? error.message] }));
  // Twice, with the event loop between: what hangs on finalizers goes as well.
  for (let n = 0; n < 2; n++) {
    global.gc?.();
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  return { report, resident: process.memoryUsage.rss() };
}

process.on('message', (unit: Unit) => void answer(unit).then(result => process.send!(result)));
process.on('disconnect', () => process.exit());
