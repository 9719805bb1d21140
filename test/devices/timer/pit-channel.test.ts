import test from 'ava';
import fc from 'fast-check';
import { PitChannel } from '../../../devices/timer/pit-channel.ts';

/** The data sheet's waveforms (figures 15, 17 and 19), one clock at a time: what OUT is after each clock. */
function* waveform(mode: number, count: number, gate: readonly boolean[]): Generator<boolean> {
  let left = count;
  let done = false;
  for (const high of gate) {
    switch (mode) {
      case 0:
        if (high && !done && --left === 0) done = true;
        yield done;
        break;
      case 2:
        if (!high) {
          left = count + 1;
          yield true;
        } else {
          if (--left === 0) left = count;
          yield left !== 1;
        }
        break;
      case 4:
        if (high && left > -1) left--;
        yield left !== 0;
        break;
    }
  }
}

const runs = (mode: number) =>
  fc.property(
    fc.integer({ min: 2, max: 40 }),
    fc.array(fc.record({ high: fc.boolean(), length: fc.integer({ min: 3, max: 60 }) }), {
      minLength: 1,
      maxLength: 6,
    }),
    (count, spans) => {
      const gate = [true, true, true, ...spans.flatMap(({ high, length }) => new Array<boolean>(length).fill(high))];
      const channel = new PitChannel(true);
      channel.control(0x30 | (mode << 1), 0);
      channel.write(count, 0);
      channel.write(0, 0);
      const expected = [...waveform(mode, count, gate)];
      // The count is loaded by clock 1; from then on, clock by clock.
      let now = 1;
      return gate.every((high, index) => {
        if (high !== channel.gate) channel.setGate(high, now);
        now++;
        return channel.output(now) === expected[index];
      });
    },
  );

for (const mode of [0, 2, 4]) {
  test(`mode ${mode} follows the data sheet's waveform, gate and all`, t => {
    fc.assert(runs(mode), { seed: 2026, numRuns: 200 });
    t.pass();
  });
}

test('nextRise names the clocks at which output rises, in every mode', t => {
  fc.assert(
    fc.property(fc.nat({ max: 5 }), fc.integer({ min: 1, max: 50 }), (mode, count) => {
      const channel = new PitChannel(true);
      channel.control(0x30 | (mode << 1), 0);
      channel.write(count, 0);
      channel.write(0, 0);
      if (mode === 1 || mode === 5) {
        channel.setGate(false, 0);
        channel.setGate(true, 0);
      }
      const rises = [];
      for (let now = 1; now <= 300; now++) if (channel.output(now) && !channel.output(now - 1)) rises.push(now);
      const named = [];
      for (let now = channel.nextRise(0); now <= 300; now = channel.nextRise(now)) named.push(now);
      t.deepEqual(named, rises, `mode ${mode} count ${count}`);
      return true;
    }),
    { seed: 2026, numRuns: 100 },
  );
});
