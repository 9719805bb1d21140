import test from 'ava';
import type { Case, Measurement } from './case.ts';
import { table } from './table.ts';

const measurement: Measurement = {
  lag: { p50: 1.26, p99: 20.4, worst: 30, busy: 31 },
  stop: 0.4,
  growth: 3 * 2 ** 20,
  peak: 40 * 2 ** 20,
  guestTime: 500,
  restarts: 0,
};
const given: Omit<Case, 'clock'> = { guest: 'flood', accelerator: 'software', seconds: 1 };

test('a row for each guest and accelerator, with both clocks', t => {
  const text = table([
    { ...given, clock: 'host', result: { kind: 'ran', measurement } },
    { ...given, clock: 'virtual', result: { kind: 'hung', lastSign: 2.2 } },
    { ...given, accelerator: 'nvmm-svm', clock: 'host', result: { kind: 'threw', error: 'Error: x\n  at y' } },
  ]);
  t.deepEqual(text.split('\n').slice(2), [
    '| flood | software | 1.3 / 20 / 30 | 0.4 | 3 / 40 | ran |  |  |  | **hung** after 2 s |',
    '| flood | nvmm-svm |  |  |  | **threw** Error: x |  |  |  |  |',
  ]);
});
