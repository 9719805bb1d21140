import test from 'ava';
import fc from 'fast-check';
import type { Timer } from '../../../../core/board/time/clock.ts';
import { nanosecondsOf, ticksIn } from '../../../../core/board/time/frequency.ts';
import { HostClock } from '../../../../core/board/time/host-clock.ts';
import { ImmediateHostTasks, VirtualHostTasks } from '../../../../core/board/time/host-task.ts';
import { VirtualClock } from '../../../../core/board/time/virtual-clock.ts';

test('timers fire in order, equal ones in the order of scheduling', t => {
  const time = { ticks: 0 };
  const clock = new VirtualClock(time);
  const fired: string[] = [];
  clock.schedule(20, () => fired.push('c'));
  clock.schedule(10, () => fired.push('a'));
  clock.schedule(20, () => fired.push('d'));
  clock.schedule(15, () => fired.push('b'));
  t.is(clock.nextDeadline, 10);
  time.ticks = 14;
  clock.fire();
  t.deepEqual(fired, ['a']);
  time.ticks = 20;
  clock.fire();
  t.deepEqual(fired, ['a', 'b', 'c', 'd']);
  t.is(clock.nextDeadline, Number.POSITIVE_INFINITY);
});

test('a cancelled timer does not fire, even if one that fires with it cancels it', t => {
  const time = { ticks: 0 };
  const clock = new VirtualClock(time);
  const timers: Timer[] = [];
  clock.schedule(10, () => {
    for (const timer of timers) timer.cancel();
  });
  timers.push(clock.schedule(10, () => t.fail()));
  time.ticks = 10;
  clock.fire();
  for (const timer of timers) timer.cancel();
  t.is(clock.nextDeadline, Number.POSITIVE_INFINITY);
});

test('a timer that schedules itself for now does not hang', t => {
  const time = { ticks: 100 };
  const clock = new VirtualClock(time);
  let fired = 0;
  const again = (): void => {
    fired++;
    clock.schedule(0, again);
  };
  clock.schedule(0, again);
  clock.fire();
  t.is(fired, 1);
  clock.fire();
  t.is(fired, 2);
});

test('the host clock starts where it is told', t => {
  let now = 5_000;
  const clock = new HostClock(() => now, 100);
  now = 5_050;
  t.is(clock.now, 150);
});

test('ticks and nanoseconds are inverse, exactly', t => {
  fc.assert(
    fc.property(
      fc.constantFrom(1_193_182, 3_579_545, 32_768),
      fc.nat({ max: 8_000_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (frequency, seconds, rest) => {
        const ticks = seconds * frequency + Math.floor(rest * frequency);
        const at = nanosecondsOf(ticks, frequency);
        return ticksIn(at, frequency) === ticks && (at === 0 || ticksIn(at - 1, frequency) === ticks - 1);
      },
    ),
    { numRuns: 500, seed: 2026 },
  );
  const exact = (nanoseconds: number, frequency: number) => (BigInt(nanoseconds) * BigInt(frequency)) / 1_000_000_000n;
  fc.assert(
    fc.property(fc.maxSafeInteger().map(Math.abs), at => BigInt(ticksIn(at, 3_579_545)) === exact(at, 3_579_545)),
    { numRuns: 500, seed: 2026 },
  );
  t.pass();
});

test('under virtual time a task ends when it is due, not when the host is done', async t => {
  const time = { ticks: 0 };
  const clock = new VirtualClock(time);
  const tasks = new VirtualHostTasks(clock);
  const done: string[] = [];
  let finish = (_value: string): void => {};
  tasks.perform(new Promise<string>(resolve => (finish = resolve)), 1_000, result => {
    done.push('value' in result ? result.value : 'error');
  });
  tasks.perform(Promise.reject(new Error('broken')), 500, result => done.push('error' in result ? 'failed' : 'ok'));
  await Promise.resolve();
  t.deepEqual(done, [], 'settled early, delivered late');
  time.ticks = 500;
  clock.fire();
  await tasks.settle();
  t.is(tasks.settle(), undefined);
  t.deepEqual(done, ['failed']);
  time.ticks = 1_000;
  clock.fire();
  const wait = tasks.settle();
  t.truthy(wait, 'the host is slower than the machine');
  finish('slow');
  await wait;
  t.deepEqual(done, ['failed'], 'nothing happens to the machine but when it is asked');
  t.is(tasks.settle(), undefined);
  t.deepEqual(done, ['failed', 'slow']);
  t.is(tasks.settle(), undefined);
});

test('in real time a task ends when it ends', async t => {
  const tasks = new ImmediateHostTasks();
  const result = await new Promise(resolve => tasks.perform(Promise.resolve(7), 1e9, resolve));
  t.deepEqual(result, { value: 7 });
});

test('in real time ends of tasks that begin others leave the event loop its turns, and keep their order', async t => {
  let now = 0;
  let turns = 0;
  const tasks = new ImmediateHostTasks({
    stopwatch: () => now,
    breathe: () => new Promise(resolve => setTimeout(() => resolve(), 0)),
  });
  const counting = setInterval(() => turns++, 0);
  const done: number[] = [];
  await new Promise<void>(resolve => {
    const next = (count: number): void =>
      tasks.perform(Promise.resolve(count), 0, () => {
        now += 1e6;
        done.push(count);
        if (count === 50) resolve();
        else next(count + 1);
      });
    next(0);
  });
  clearInterval(counting);
  t.true(turns >= 10, `${turns}`);
  t.deepEqual(
    done,
    Array.from({ length: 51 }, (_, count) => count),
  );
});

test('what the end of a task throws, the run loop hears in real time too', async t => {
  const tasks = new ImmediateHostTasks();
  tasks.perform(Promise.reject(new Error('a bug of the disk')), 0, result => {
    if ('error' in result) throw result.error;
  });
  t.is(tasks.settle(), undefined);
  await new Promise(resolve => setTimeout(resolve));
  t.throws(() => tasks.settle(), { message: 'a bug of the disk' });
  t.is(tasks.settle(), undefined, 'once');
});
