/** Machines on a host's clock that jumps: counters that agree, timers that are not lost, and turns for everybody. */
import test from 'ava';
import { accelerators } from '#accelerators';
import { SeededEntropy } from '#core';
import { build, decodeState, encodeState, type Machine, pc, toyvirt } from '#machines';

/** A stopwatch that goes on by so much at each look, in nanoseconds; `jumps` of a hundred looks take up to 5 ms. */
function stopwatch(seed: number, jumps: number): () => number {
  const bytes = new Uint8Array(2);
  const entropy = new SeededEntropy(seed);
  let now = seed * 1e9;
  return () => {
    entropy.fill(bytes);
    now += bytes[0] % 100 < jumps ? bytes[1] * 20_000 : 200 + bytes[1];
    return now;
  };
}

const counters = (machine: Machine): readonly bigint[] => machine.save().processors.map(({ msrs }) => msrs.tsc);
const agree = (values: readonly bigint[]): boolean => values.every(value => value === values[0]);

for (const { name: accelerator } of accelerators) {
  test(`${accelerator}: the time-stamp counters of all processors agree after power-on, INIT, reset and restore`, async t => {
    const profile = pc.with({
      memory: '16 MiB',
      processors: 4,
      clock: 'host',
      boot: { kind: 'raw', image: new Uint8Array([0xf4]), options: {} },
    });
    await using machine = await build(profile, { accelerator, stopwatch: stopwatch(1, 50) });
    t.true(agree(counters(machine)), 'power-on');
    const [before] = counters(machine);
    machine.processors[2].init();
    machine.processors[0].init();
    const after = counters(machine);
    t.true(agree(after), 'INIT');
    t.true(after[0] > before!, 'time goes on');
    machine.reset();
    t.true(agree(counters(machine)), 'reset');

    const state = decodeState(encodeState(machine.save()));
    await using other = await build(profile, { accelerator, stopwatch: stopwatch(99, 50) });
    other.restore(state);
    const restored = counters(other);
    t.true(agree(restored), 'restore');
    t.true(restored[0] >= state.processors[0].msrs.tsc);
    t.true(restored[0] - state.processors[0].msrs.tsc < 1_000_000_000n, 'it goes on where it was saved');
    t.true(other.now - state.time < 1e9 && other.now >= state.time, 'and so does its clock');
  });

  test(`${accelerator}: the toy kernel's timers come however the stopwatch jumps`, async t => {
    for (let seed = 1; seed <= 40; seed++) {
      await using machine = await build(toyvirt.with({ clock: 'host' }), {
        accelerator,
        stopwatch: stopwatch(seed, 20),
      });
      const outcome = await machine.run({ timeout: '1 min' });
      t.deepEqual(outcome, { kind: 'exit', code: 0 }, `seed ${seed}: ${machine.serial.text.slice(-200)}`);
    }
  });
}
