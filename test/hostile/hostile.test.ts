/**
 * No hostile guest stalls or fills its host: each runs for a moment, on one accelerator and clock, so that all six pairs have their share.
 * Limits are generous, and none is of wall time; `npm run test:hostile` measures.
 */
import test from 'ava';
import { accelerators } from '#accelerators';
import { type Case, type ClockName, caseName, clocks, type Result } from './case.ts';
import { guests } from './guests.ts';
import { runCases } from './run-cases.ts';

const seconds = 0.4;
/** Milliseconds of processor time without a turn of the event loop. */
const longestTurn = 2000;
const mostGrowth = 256 * 2 ** 20;
/** The guest's own 64 MiB, generated code and garbage are among it. */
const mostPeak = 1024 * 2 ** 20;
const patience = 60;

const pairs = accelerators
  .map(({ name }) => name)
  .flatMap(accelerator => clocks.map(clock => ({ accelerator, clock })));

/** Guests take turns on the pairs. */
const cases: readonly Case[] = guests.map(({ name, accelerators: only }, index) => {
  const possible = pairs.filter(({ accelerator }) => only?.includes(accelerator) ?? true);
  return { guest: name, seconds, ...possible[index % possible.length] };
});

function complaint(result: Result): string | undefined {
  if (!('measurement' in result)) return JSON.stringify(result);
  const { lag, growth, peak } = result.measurement;
  if (result.kind === 'ended' && result.how.includes('"exit"')) return `the guest is broken: ${result.how}`;
  if (lag.busy > longestTurn) return `the event loop stood still for ${Math.round(lag.busy)} ms of processor time`;
  if (growth > mostGrowth) return `${growth >> 20} MiB are still held after the run`;
  if (peak > mostPeak) return `${Math.round(peak / 2 ** 20)} MiB were needed`;
  return undefined;
}

async function complaints(accelerator: string, clock: ClockName): Promise<string[]> {
  const some = cases.filter(each => each.accelerator === accelerator && each.clock === clock);
  const results = await runCases(some, { patience });
  return some.flatMap((each, index) => {
    const text = complaint(results[index]);
    return text === undefined ? [] : [`${caseName(each)}: ${text}`];
  });
}

for (const { name } of accelerators) {
  test.serial(`no guest stalls or fills its host: ${name}`, async t => {
    const found = await Promise.all(clocks.map(clock => complaints(name, clock)));
    t.deepEqual(found.flat(), []);
  });
}
