/** The run loop with processors that only say what they would do. */
import test from 'ava';
import type { VirtualMachine } from '#accelerators';
import { type InterruptController, VirtualClock } from '#core';
import { Scheduler } from '../../machines/scheduler.ts';

type Act = (processor: number) => 'limit' | 'halt' | 'pause' | 'shutdown';

interface Setting {
  readonly flags?: bigint;
  readonly expectsInput?: boolean;
  readonly virtual?: boolean;
  readonly betweenLooks?: number;
  /** Instructions that an entry executes at most. */
  readonly most?: number;
  readonly settle?: () => Promise<void> | undefined;
}

class Controller implements InterruptController {
  pending = false;
  nmiPending = false;
  taskPriority = 0;
  onChange: (() => void) | undefined;
  acknowledge(): number {
    this.pending = false;
    return 32;
  }
  acknowledgeNmi(): void {}
}

const aMillisecond = 1e6;

/** `betweenLooks`: nanoseconds of the host that pass from one look at the stopwatch to the next. */
function computer(
  processors: number,
  act: Act,
  {
    flags = 0x202n,
    expectsInput = false,
    virtual = true,
    betweenLooks = aMillisecond,
    most = Number.POSITIVE_INFINITY,
    settle,
  }: Setting = {},
) {
  const time = { ticks: 0 };
  const settled: number[] = [];
  let looks = 0;
  let breaths = 0;
  const clock = new VirtualClock(time);
  const skipped: number[] = [];
  const scheduler = new Scheduler({
    time: {
      skip(ticks) {
        skipped.push(ticks);
        time.ticks += ticks;
      },
    },
    clock,
    fire: () => clock.fire(),
    virtual,
    processors,
    settle:
      settle ??
      (() => {
        settled.push(time.ticks);
        return undefined;
      }),
    breathe: () => {
      breaths++;
      return Promise.resolve();
    },
    expectsInput: () => expectsInput,
    stopwatch: () => looks++ * betweenLooks,
  });
  const controllers = Array.from({ length: processors }, () => new Controller());
  const log: number[] = [];
  const started: [processor: number, vector: number][] = [];
  const machine = {
    processors: controllers.map((_, index) => ({
      run() {
        log.push(index);
        controllers[index].pending = false;
        const reason = act(index);
        if (!virtual) return { reason };
        // As the contract has it: entries until there is no budget left.
        for (let left = scheduler.remaining(); left > 0; left = scheduler.remaining()) {
          time.ticks += Math.min(left, reason === 'limit' ? most : 100);
          if (reason !== 'limit') break;
        }
        return { reason };
      },
      init() {},
      startup: (vector: number) => started.push([index, vector]),
      getState: () => ({ general: { rflags: flags } }),
    })),
  } as unknown as VirtualMachine;
  scheduler.attach(machine, controllers);
  return {
    scheduler,
    clock,
    controllers,
    machine,
    log,
    started,
    skipped,
    time,
    settled,
    breaths: () => breaths,
  };
}

const run = (scheduler: Scheduler, clock: VirtualClock, deadline = Number.POSITIVE_INFINITY) =>
  scheduler.run(deadline, () => (clock.now >= deadline ? { kind: 'timeout' } : undefined));

test('processors take turns once they are started; before, they wait', async t => {
  const { scheduler, clock, log } = computer(2, () => 'limit');
  await run(scheduler, clock, 40_000);
  t.deepEqual(log, [0, 0]);
  scheduler.startup(1, 8);
  await run(scheduler, clock, 120_000);
  t.deepEqual(log, [0, 0, 1, 0, 1, 0]);
});

test('a turn is as long as it is, wherever runs and timers end slices', async t => {
  const turns = async (ends: readonly number[], period: number) => {
    const { scheduler, clock, log, time } = computer(3, () => 'limit');
    for (const processor of [1, 2]) scheduler.startup(processor, 8);
    const tick = (): void => void clock.schedule(clock.now + period, tick);
    tick();
    const changes: (readonly [processor: number, at: number])[] = [];
    const push = log.push.bind(log);
    log.push = processor => {
      if (processor !== changes.at(-1)?.[0]) changes.push([processor, time.ticks]);
      return push(processor);
    };
    for (const end of [...ends, 100_000]) await run(scheduler, clock, end);
    return changes;
  };
  const whole = [0, 1, 2, 0, 1].map((processor, turn) => [processor, turn * 20_000]);
  t.deepEqual(await turns([], 1e9), whole as never);
  t.deepEqual(await turns([1, 2, 19_999, 20_000, 20_001, 55_555], 1e9), whole as never);
  t.deepEqual(await turns([], 3_333), whole as never, 'a fast timer starves nobody');
});

test('a turn goes on where it is restored, and begins anew after a reset', async t => {
  const { scheduler, clock, log, time } = computer(2, () => 'limit');
  scheduler.startup(1, 8);
  scheduler.restore(['running', 'running'], { processor: 1, end: 5_000 });
  await run(scheduler, clock, 6_000);
  t.deepEqual(log, [1, 0]);
  t.deepEqual(scheduler.turn, { processor: 0, end: 25_000 });
  scheduler.reset();
  t.deepEqual(scheduler.turn, { processor: 0, end: 0 });
  await run(scheduler, clock, time.ticks + 20_001);
  t.deepEqual(log, [1, 0, 0, 0], 'only the first one runs');
});

test('idle time passes at once, exactly to the next timer', async t => {
  const { scheduler, clock, controllers, skipped, log } = computer(1, () => 'halt');
  const fired: number[] = [];
  for (const at of [1_000, 50_000]) {
    clock.schedule(at, () => {
      fired.push(clock.now);
      controllers[0].pending = true;
    });
  }
  await run(scheduler, clock, 60_000);
  t.deepEqual(fired, [1_000, 50_000]);
  t.is(log.length, 3);
  t.is(skipped.length, 2);
});

test('nothing can wake it: halted, not asleep for ever', async t => {
  const { scheduler, clock } = computer(2, () => 'halt');
  t.deepEqual(await run(scheduler, clock), { kind: 'halted' });
});

test('interrupts off everywhere: halted, though a timer ticks and a terminal is there', async t => {
  const { scheduler, clock } = computer(1, () => 'halt', { flags: 2n, expectsInput: true });
  const tick = (): void => void clock.schedule(clock.now + 1_000, tick);
  tick();
  t.deepEqual(await run(scheduler, clock), { kind: 'halted' });
});

test('with a terminal it sleeps until somebody types', async t => {
  const { scheduler, clock, controllers, log } = computer(
    1,
    () => {
      // Somebody types once it sleeps, and again once it has slept anew.
      setTimeout(() => {
        if (log.length > 1) scheduler.end({ kind: 'stopped' });
        controllers[0].pending = true;
        controllers[0].onChange?.();
      }, 30);
      return 'halt';
    },
    { expectsInput: true },
  );
  t.deepEqual(await run(scheduler, clock), { kind: 'stopped' });
  t.is(log.length, 2);
});

test('a processor in MWAIT goes on once another one has written; until then the machine is not dead', async t => {
  const done = new Set<number>();
  const { scheduler, clock, machine, log } = computer(
    2,
    processor => {
      if (processor === 1 || done.has(0)) return done.add(processor).has(0) ? 'halt' : 'limit';
      done.add(0);
      return 'halt';
    },
    { flags: 2n },
  );
  const first = machine.processors[0] as unknown as { waiting: boolean; woken: boolean };
  first.waiting = true;
  scheduler.startup(1, 8);
  clock.schedule(5_000, () => {
    first.woken = true;
  });
  await run(scheduler, clock, 8_000);
  t.deepEqual(log.slice(0, 2), [0, 1]);
  t.true(clock.now >= 5_000 && log.filter(index => index === 0).length > 1);
});

test('a processor in MWAIT is not dead though its interrupts are off: a disk may still write', async t => {
  const { scheduler, clock, machine, log } = computer(1, () => 'halt', { flags: 2n });
  const only = machine.processors[0] as unknown as { waiting: boolean; woken: boolean };
  only.waiting = true;
  let ticks = 0;
  const tick = (): void => {
    clock.schedule(clock.now + 1_000, tick);
    only.woken = ++ticks === 100;
  };
  tick();
  t.deepEqual(await run(scheduler, clock, 150_000), { kind: 'timeout' });
  t.true(log.length > 1, 'before it waits, and when it is woken');
});

test('INIT in the midst of a slice is not undone by its end; the first processor goes on after one', async t => {
  const { scheduler, clock, log } = computer(2, processor => {
    if (processor === 1) scheduler.init(1);
    return processor === 1 ? 'halt' : 'limit';
  });
  scheduler.startup(1, 8);
  await run(scheduler, clock, 50_000);
  t.is(scheduler.activity(1), 'waitForSipi');
  t.is(log.filter(processor => processor === 1).length, 1);
  scheduler.restore(['halted', 'waitForSipi'], { processor: 0, end: 0 });
  scheduler.init(0);
  t.is(scheduler.activity(0), 'running');
});

test('the first reason to end is the one that counts', async t => {
  const { scheduler, clock } = computer(1, () => {
    scheduler.power.powerOff();
    scheduler.power.reset();
    return 'limit';
  });
  t.deepEqual(await run(scheduler, clock), { kind: 'powerOff' });
});

test('a shutdown names its processor', async t => {
  const { scheduler, clock } = computer(2, processor => (processor === 1 ? 'shutdown' : 'limit'));
  scheduler.startup(1, 8);
  t.deepEqual(await run(scheduler, clock), { kind: 'tripleFault', processor: 1 });
});

test('SIPI counts once, after INIT', t => {
  const { scheduler, started } = computer(2, () => 'limit');
  scheduler.startup(1, 8);
  scheduler.startup(1, 9);
  scheduler.startup(0, 7);
  t.deepEqual(started, [[1, 8]]);
  scheduler.init(1);
  t.is(scheduler.activity(1), 'waitForSipi');
  scheduler.init(0);
  t.is(scheduler.activity(0), 'running');
  scheduler.startup(1, 9);
  t.deepEqual(started, [
    [1, 8],
    [1, 9],
  ]);
});

test('what ends a run ends the slice under way', async t => {
  const left: number[] = [];
  const { scheduler, clock } = computer(1, () => {
    left.push(scheduler.remaining());
    scheduler.power.exit(3);
    left.push(scheduler.remaining());
    return 'limit';
  });
  t.deepEqual(await run(scheduler, clock), { kind: 'exit', code: 3 });
  t.true(left[0] > 0);
  t.is(left[1], 0);
});

test('in real time a slice ends with its turn or when a timer is due, but not before it has run something', async t => {
  const left: number[][] = [];
  const { scheduler, clock, time } = computer(
    2,
    () => {
      left.push([scheduler.remaining(), scheduler.remaining()]);
      time.ticks += 3e6;
      left.push([scheduler.remaining()]);
      scheduler.end({ kind: 'stopped' });
      return 'limit';
    },
    { virtual: false, betweenLooks: 0 },
  );
  await run(scheduler, clock);
  t.true(left[0][0] > 0 && left[0][1] > 0, 'an exit ends no turn');
  t.is(left[1][0], 0, 'its time is over');
  const timer = computer(
    1,
    () => {
      timer.clock.schedule(timer.clock.now, () => {});
      left.push([timer.scheduler.remaining(), timer.scheduler.remaining()]);
      timer.scheduler.end({ kind: 'stopped' });
      return 'limit';
    },
    { virtual: false, betweenLooks: 0 },
  );
  await run(timer.scheduler, timer.clock);
  t.true(left[2][0] > 0, 'a timer that is always due keeps nobody from running');
  t.is(left[2][1], 0);
});

test('in real time who spins gives way, and every processor gets its turn', async t => {
  const { scheduler, clock, log, time } = computer(
    8,
    processor => {
      // The first one holds the lock that all others spin for.
      const spins = processor !== 0;
      time.ticks += spins ? 100 : 1e6;
      return spins ? 'pause' : 'limit';
    },
    { virtual: false, betweenLooks: 0 },
  );
  for (let processor = 1; processor < 8; processor++) scheduler.startup(processor, 8);
  await run(scheduler, clock, 20e6);
  const turns = Array.from({ length: 8 }, (_, processor) => log.filter(each => each === processor).length);
  t.true(Math.max(...turns) - Math.min(...turns) <= 1, String(turns));
});

test('where the host’s time ends slices, virtual time bears no trace of it', async t => {
  const history = async (betweenLooks: number) => {
    const { scheduler, clock, time, log, settled, breaths } = computer(3, () => 'limit', {
      betweenLooks,
      // An entry does a part of what it may.
      most: 777,
    });
    for (const processor of [1, 2]) scheduler.startup(processor, 8);
    const fired: number[] = [];
    const tick = (): void => {
      fired.push(time.ticks);
      clock.schedule(clock.now + 3_333, tick);
    };
    tick();
    await run(scheduler, clock, 300_000);
    const turns = log.filter((processor, at) => processor !== log[at - 1]);
    return { fired, turns, settled, breaths: breaths() };
  };
  const { breaths: few, ...quick } = await history(0);
  const { breaths: many, ...slow } = await history(1e6);
  t.is(few, 0);
  t.true(many > 20);
  t.deepEqual(slow, quick);
});

test('whoever ends the run does not wait for what the host does not finish', async t => {
  const { scheduler, clock } = computer(1, () => 'limit', { settle: () => new Promise<void>(() => {}) });
  const running = run(scheduler, clock);
  await new Promise(resolve => setTimeout(resolve));
  scheduler.end({ kind: 'stopped' });
  t.deepEqual(await running, { kind: 'stopped' });
});

test('an NMI wakes a processor that has interrupts off', async t => {
  const { scheduler, clock, controllers, log } = computer(1, () => 'halt', { flags: 2n });
  clock.schedule(1_000, () => {
    controllers[0].nmiPending = true;
  });
  clock.schedule(2_000, () => {
    controllers[0].nmiPending = false;
  });
  t.deepEqual(await run(scheduler, clock), { kind: 'halted' });
  t.true(log.length > 1);
});

test('idle time ends with the run', async t => {
  const { scheduler, clock, time } = computer(1, () => 'halt');
  clock.schedule(50_000, () => {});
  t.deepEqual(await run(scheduler, clock, 5_000), { kind: 'timeout' });
  t.is(time.ticks, 5_000);
});

test('who is woken before the time was over has slept only that long', async t => {
  const { scheduler, clock, controllers, time } = computer(1, () => 'halt', { expectsInput: true });
  clock.schedule(60e9, () => {});
  setTimeout(() => {
    controllers[0].onChange?.();
    scheduler.end({ kind: 'stopped' });
  }, 20);
  t.deepEqual(await run(scheduler, clock), { kind: 'stopped' });
  t.is(time.ticks, 100 + aMillisecond);
});
