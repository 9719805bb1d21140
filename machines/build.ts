/** Makes a machine of a profile: accelerator, memory, board, devices, processors, and the boot source in memory. */
import type { Accelerator, AcceleratorFactory } from '#accelerators';
import { answering, type ByteStream, type Entropy, MachineError, ownerOf, SeededEntropy, type WallClock } from '#core';
import { assemble } from './assemble.ts';
import { breathe } from './breathe.ts';
import { findAccelerator } from './find-accelerator.ts';
import { guestModel } from './guest-model.ts';
import { mapRam } from './guest-ram.ts';
import { load } from './load.ts';
import { Machine } from './machine.ts';
import { memorySize } from './memory.ts';
import { Observation } from './observe.ts';
import type { InterruptHook } from './observed-controller.ts';
import type { Observer } from './observer.ts';
import { processorBoard } from './processor-board.ts';
import type { Profile } from './profile.ts';
import { Scheduler } from './scheduler.ts';
import { SerialConsole } from './serial-console.ts';
import { keepTime, type Timekeeping } from './timekeeping.ts';
import { requireValid } from './validate.ts';

export interface BuildOptions {
  /** Name, or a factory of your own. Default: nvmm-svm. */
  readonly accelerator?: string | AcceleratorFactory;
  /** What the machine may draw its randomness from. Default: a fixed seed, so that runs repeat. */
  readonly entropy?: Entropy;
  /** Date for the real-time clock. */
  readonly wallClock?: WallClock;
  /** Real nanoseconds, for `clock: 'host'` and for breathing. Default: performance.now. */
  readonly stopwatch?: () => number;
  /**
   * Somebody may type into the machine at any time: it then waits instead of ending when all processors have halted, and idle time
   * passes no faster than real time.
   */
  readonly interactive?: boolean | (() => boolean);
  /** Who looks at the machine from power-on on; see Observer. */
  readonly observers?: readonly Observer[];
  /** How the emulated CPU runs code; the guest cannot tell. Default: jit, which boots Linux in two thirds of the time. */
  readonly engine?: 'interpreter' | 'jit';
}

/** Real nanoseconds. */
const wallStopwatch = (): number => performance.now() * 1e6;

export async function build(profile: Profile, options: BuildOptions = {}): Promise<Machine> {
  requireValid(profile);
  const { stopwatch = wallStopwatch, engine = 'jit' } = options;
  const accelerator = findAccelerator(options.accelerator).create({
    memory: memorySize(profile),
    processors: profile.processors,
    cpu: guestModel(profile),
    engine,
    ...(profile.clock === 'host' ? { clock: stopwatch } : {}),
  });
  try {
    requireTime(profile, accelerator);
    return put(profile, { ...options, stopwatch }, accelerator);
  } catch (error) {
    accelerator[Symbol.dispose]();
    throw error;
  }
}

function requireTime({ clock }: Profile, { name, features: { time } }: Accelerator): void {
  if (time === (clock === 'virtual' ? 'instructions' : 'host')) return;
  const counted = time === 'host' ? "the host's" : 'that of instructions';
  throw new MachineError('unsupported', `the time of ${name} is ${counted}`, {
    path: 'clock',
    remedy: `give clock: '${time === 'host' ? 'host' : 'virtual'}', or use another accelerator`,
  });
}

type PutOptions = BuildOptions & Required<Pick<BuildOptions, 'stopwatch'>>;

/** Memory first, then the board, whose devices see it, then the processors, which meet the board. */
function put(profile: Profile, options: PutOptions, accelerator: Accelerator): Machine {
  const { processors } = profile;
  const { entropy = new SeededEntropy(), wallClock, stopwatch } = options;
  const size = memorySize(profile);
  const serial = new SerialConsole();
  const timekeeping = keepTime(profile.clock, accelerator.time, stopwatch);
  const { clock, acts, hostTasks } = timekeeping;
  const scheduler = createScheduler(profile, options, { accelerator, timekeeping, serial });

  const virtual = accelerator.createMachine({ processors, cpu: guestModel(profile) });
  const memory = mapRam(virtual, size);
  const { power } = scheduler;
  const { board, devices } = assemble(
    profile,
    { clock, memory, power, processors: scheduler, hostTasks, entropy, ...(wallClock ? { wallClock } : {}) },
    { [profile.console]: { stream: serial as ByteStream } },
  );
  const now = (): number => clock.now;
  const interruptHook: InterruptHook = { taken: undefined };
  const { absent } = profile;
  const observation = new Observation({ board, interrupts: interruptHook, scheduler, serial, absent, now });
  for (const observer of options.observers ?? []) observation.add(observer);
  const meeting = processorBoard({
    board,
    acts,
    processors,
    pacer: scheduler,
    exitOnPause: profile.clock === 'host' && processors > 1,
    interruptHook,
  });
  const { interrupts } = meeting;
  const loadAll = (): void => load({ profile, virtual, memory, size });
  acts.run(() => {
    virtual.powerOn(meeting);
    scheduler.attach(virtual, interrupts);
    for (const device of devices.values()) answering(ownerOf(device), 'a reset', () => device.reset());
    loadAll();
  });
  return new Machine({
    profile,
    acts,
    accelerator,
    virtual,
    scheduler,
    serial,
    memory,
    devices,
    wires: board.wires,
    entropy,
    now,
    observation,
    nextDeadline: () => clock.nextDeadline,
    interrupts,
    load: loadAll,
  });
}

interface SchedulerSurroundings {
  readonly accelerator: Accelerator;
  readonly timekeeping: Timekeeping;
  readonly serial: SerialConsole;
}

function createScheduler(
  { clock: kind, processors }: Profile,
  { interactive = false, stopwatch }: PutOptions,
  { accelerator, timekeeping, serial }: SchedulerSurroundings,
): Scheduler {
  const { clock, acts, hostTasks } = timekeeping;
  return new Scheduler({
    time: accelerator.time,
    clock,
    virtual: kind === 'virtual',
    processors,
    fire: () => acts.run(() => clock.fire()),
    settle: () => {
      const work = hostTasks.settle();
      const talk = serial.poll() ? Promise.resolve(work).then(breathe) : work;
      const standing = serial.pass();
      return talk && standing ? Promise.all([talk, standing]).then(() => {}) : (talk ?? standing);
    },
    expectsInput: typeof interactive === 'function' ? interactive : () => interactive,
    breathe,
    stopwatch,
  });
}
