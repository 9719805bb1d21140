/** Makes a machine of a profile: accelerator, memory, board, devices, and the boot source in memory. */
import {
  type Accelerator,
  type AcceleratorFactory,
  type AcceleratorTime,
  accelerators,
  MapAccess,
} from '#accelerators';
import {
  amd,
  answering,
  type ByteStream,
  type CpuModel,
  type Entropy,
  HostClock,
  ImmediateHostTasks,
  intel,
  MachineError,
  ownerOf,
  RamGuestMemory,
  SeededEntropy,
  VirtualClock,
  VirtualHostTasks,
  type WallClock,
} from '#core';
import { writeAcpi } from './acpi/tables.ts';
import { describeAcpi } from './acpi-description.ts';
import { RealTimeActs, virtualTimeActs } from './acts.ts';
import { assemble } from './assemble.ts';
import { bootCpuState } from './boot-cpu-state.ts';
import { loadBootSource } from './boot-source.ts';
import { LateBuses } from './late-buses.ts';
import { Machine } from './machine.ts';
import { memorySize, ramRanges } from './memory.ts';
import type { Profile } from './profile.ts';
import { Scheduler } from './scheduler.ts';
import { SerialConsole } from './serial-console.ts';
import { writeSmbios } from './smbios/tables.ts';
import { suggestion } from './suggestion.ts';
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
  /** How the emulated CPU runs code; the guest cannot tell. Default: jit, which boots Linux in two thirds of the time. */
  readonly engine?: 'interpreter' | 'jit';
}

/** Features that a guest cannot have on every accelerator: NVMM hides them (nvmm.md, section 12), and has no place for DEBUGCTL. */
const without = ['monitor', 'rdtscp', 'invpcid', 'pcid', 'rdrand', 'rdseed', 'umip', 'mce', 'mca', 'mtrr'];

export function guestModel({ cpu, processors }: Pick<Profile, 'cpu' | 'processors'>): CpuModel {
  if (typeof cpu !== 'string') return cpu;
  return (cpu === 'amd' ? amd : intel)({ processors, without, debugControl: false });
}

export function findAccelerator(accelerator: string | AcceleratorFactory = 'nvmm-svm'): AcceleratorFactory {
  if (typeof accelerator !== 'string') return accelerator;
  const found = accelerators.find(({ name }) => name === accelerator);
  if (found) return found;
  const names = accelerators.map(({ name }) => name);
  throw new MachineError('unknown-component', `there is no accelerator called ${accelerator}`, {
    remedy: suggestion('accelerator', accelerator, names),
  });
}

export async function build(profile: Profile, options: BuildOptions = {}): Promise<Machine> {
  requireValid(profile);
  const stopwatch = options.stopwatch ?? (() => performance.now() * 1e6);
  const size = memorySize(profile);
  const model = guestModel(profile);
  const accelerator = findAccelerator(options.accelerator).create({
    memory: size,
    processors: profile.processors,
    cpu: model,
    engine: options.engine ?? 'jit',
    ...(profile.clock === 'host' ? { clock: stopwatch } : {}),
  });
  try {
    return put(profile, options, accelerator, model, size, stopwatch);
  } catch (error) {
    accelerator[Symbol.dispose]();
    throw error;
  }
}

function put(
  profile: Profile,
  options: BuildOptions,
  accelerator: Accelerator,
  model: CpuModel,
  size: number,
  stopwatch: () => number,
): Machine {
  const isVirtual = profile.clock === 'virtual';
  const { interactive = false, entropy = new SeededEntropy() } = options;
  const serial = new SerialConsole();
  const { time } = accelerator;
  const clock = isVirtual ? new VirtualClock(time) : hostClock(time);
  const acts = isVirtual ? virtualTimeActs : new RealTimeActs(time, clock);
  const hostTasks = isVirtual
    ? new VirtualHostTasks(clock)
    : new ImmediateHostTasks({ act: work => acts.run(work), stopwatch, breathe });
  const scheduler = new Scheduler({
    time,
    clock,
    virtual: isVirtual,
    processors: profile.processors,
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

  const ranges = ramRanges(size);
  const blocks: { base: number; bytes: Uint8Array; onWrite(offset: number, length: number): void }[] = [];
  const late = new LateBuses(profile.processors, acts);
  const virtual = accelerator.createMachine({
    processors: profile.processors,
    cpu: model,
    ports: late.ports,
    mmio: late.mmio,
    msrs: late.msrs,
    timestamps: late.timestamps,
    interrupts: late.interrupts,
    pacer: scheduler,
    exitOnPause: !isVirtual && profile.processors > 1,
  });
  for (const { base, size: length } of ranges) {
    const block = virtual.allocate(length);
    virtual.map(base, block, 0, length, MapAccess.all);
    blocks.push({ base, bytes: block.bytes, onWrite: (offset, count) => block.written(offset, count) });
  }
  const memory = new RamGuestMemory(blocks);
  const { board, devices } = assemble(
    profile,
    {
      clock,
      memory,
      power: scheduler.power,
      processors: scheduler,
      hostTasks,
      entropy,
      ...(options.wallClock ? { wallClock: options.wallClock } : {}),
    },
    { [profile.console]: { stream: serial as ByteStream } },
  );
  late.connect(board);
  scheduler.attach(virtual, late.interrupts);

  // TSC-deadline timers wait for a processor's own counter.
  board.timestamps.measure = index =>
    virtual.processors[index]!.getState('msrs').msrs.tsc - BigInt(Math.floor(clock.now));
  const load = (): void => {
    const acpi = describeAcpi(profile);
    const tables = acpi && writeAcpi(memory, acpi);
    const { name: product, processors } = profile;
    const occupied = tables ? [tables, writeSmbios(memory, { product, processors, cpu: model, memory: size })] : [];
    if (!profile.boot) return;
    const { state } = loadBootSource(memory, profile.boot, { acpiRsdp: tables?.rsdp ?? 0, occupied });
    for (const processor of virtual.processors) processor.reset();
    const first = virtual.processors[0]!;
    const { controls, msrs } = first.getState('controls', 'msrs');
    first.setState(bootCpuState(state, controls, msrs));
  };
  acts.run(() => {
    for (const device of devices.values()) answering(ownerOf(device), 'a reset', () => device.reset());
    load();
  });
  const { wires } = board;
  const now = () => clock.now;
  const nextDeadline = () => clock.nextDeadline;
  const parts = { profile, acts, accelerator, virtual, scheduler, serial, memory, devices, wires, entropy };
  return new Machine({ ...parts, now, nextDeadline, interrupts: late.interrupts, load });
}

/** Reads as the processors' counters do: at power-on, and after a machine has been restored. */
function hostClock(time: AcceleratorTime): HostClock {
  time.hold();
  try {
    return new HostClock(() => time.ticks, time.ticks);
  } finally {
    time.release();
  }
}

/** One turn of the host's event loop. */
const breathe = (): Promise<void> =>
  new Promise(resolve => {
    const immediate = (globalThis as { setImmediate?: (action: () => void) => void }).setImmediate;
    if (immediate) immediate(resolve);
    else setTimeout(resolve, 0);
  });
