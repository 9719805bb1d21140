/** The probe sees what it could not run in. */
import test from 'ava';
import { LagProbe } from './lag-probe.ts';

test('each moment of a standstill is a sample', t => {
  let now = 0;
  const probe = new LagProbe(
    () => now,
    () => now / 2,
  );
  // 990 ms in time, then a second in which nothing turns: half of all events were late.
  for (now = 5; now <= 990; now += 5) probe.look();
  now = 1990;
  const { p50, p99, worst, busy } = probe.stop();
  t.true(p50 <= 5, `${p50}`);
  t.true(p99 > 950 && p99 < 1000, `${p99}`);
  t.is(worst, 995);
  t.is(busy, 500);
});

test('a loop that stands still is late', async t => {
  const probe = new LagProbe();
  probe.start();
  await new Promise(resolve => setTimeout(resolve, 20));
  const end = performance.now() + 300;
  while (performance.now() < end);
  await new Promise(resolve => setTimeout(resolve, 20));
  t.true(probe.stop().worst > 250);
});
