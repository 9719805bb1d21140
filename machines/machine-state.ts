/** Everything that makes a machine the one it is, between two instructions: it goes on from here on any accelerator. */

import type { Accelerator, VirtualMachine } from '#accelerators';
import {
  answering,
  type CpuState,
  type Device,
  type Entropy,
  type GuestMemory,
  MachineError,
  ownerOf,
  type SavedState,
  type WireBoard,
} from '#core';
import type { Acts } from './acts.ts';
import { badState, checkState } from './check-state.ts';
import type { Activity } from './processor-activity.ts';
import type { Scheduler } from './scheduler.ts';
import type { Turn } from './turns.ts';

export interface MachineState {
  readonly version: 1;
  readonly profile: string;
  /** Nanoseconds since power-on. */
  readonly time: number;
  readonly activity: readonly Activity[];
  readonly turn: Turn;
  readonly processors: readonly CpuState[];
  readonly devices: Readonly<Record<string, SavedState>>;
  /** What the machine's randomness follows from; without it, it follows from nothing. */
  readonly entropy?: readonly number[];
  /** Contents of RAM, region by region. */
  readonly memory: readonly { readonly base: number; readonly bytes: Uint8Array }[];
}

export interface StatefulParts {
  readonly profile: { readonly name: string };
  readonly acts: Acts;
  readonly accelerator: Pick<Accelerator, 'time'>;
  readonly virtual: Pick<VirtualMachine, 'processors'>;
  readonly scheduler: Scheduler;
  readonly memory: GuestMemory;
  readonly devices: ReadonlyMap<string, Device>;
  readonly wires: Pick<WireBoard, 'quietly'>;
  readonly entropy: Entropy;
  readonly now: () => number;
}

type Volatile = Omit<MachineState, 'version' | 'profile' | 'memory'>;

export function saveMachine(parts: StatefulParts): MachineState {
  requireIdle(parts.scheduler);
  const hypervisor = parts.virtual.processors.findIndex(({ isHypervisor }) => isHypervisor);
  if (hypervisor >= 0)
    throw new MachineError('unsupported', 'the state of a hypervisor in the guest cannot be saved', {
      path: `processors.${hypervisor}`,
      remedy: 'save before the guest enables SVM or VMX',
    });
  return {
    version: 1,
    profile: parts.profile.name,
    ...parts.acts.run(() => volatile(parts)),
    memory: parts.memory.regions.map(({ base, size }) => {
      const bytes = new Uint8Array(size);
      parts.memory.read(base, bytes);
      return { base, bytes };
    }),
  };
}

/** On a machine of the same profile. If the state is refused the machine stays what it was. */
export function restoreMachine(parts: StatefulParts, state: MachineState): void {
  requireIdle(parts.scheduler);
  checkState(parts, state);
  parts.acts.run(() => {
    const before = volatile(parts);
    try {
      take(parts, state);
    } catch (error) {
      take(parts, before);
      throw error;
    }
  });
  for (const { base, bytes } of state.memory) parts.memory.write(base, bytes);
}

const volatile = ({ virtual, scheduler, devices, entropy, now }: StatefulParts): Volatile => ({
  time: now(),
  activity: virtual.processors.map((_, index) => scheduler.activity(index)),
  turn: scheduler.turn,
  processors: virtual.processors.map(processor => processor.getState()),
  devices: Object.fromEntries(
    [...devices].map(([name, device]) => [name, answering(ownerOf(device), 'save', () => device.save())]),
  ),
  ...(entropy.state ? { entropy: entropy.state } : {}),
});

/** Time first, since counters are relative to it; processors before devices, whose timers may wait for a counter. */
function take(parts: StatefulParts, state: Volatile): void {
  const { accelerator, virtual, scheduler, devices, wires, entropy } = parts;
  accelerator.time.ticks = state.time;
  virtual.processors.forEach((processor, index) => {
    // What CpuState has no words for is as after power-on.
    processor.reset();
    refusing(`processors.${index}`, () => processor.setState(state.processors[index]));
  });
  wires.quietly(() => {
    for (const [name, device] of devices) refusing(`devices.${name}`, () => restoring(device, state.devices[name]));
  });
  if (entropy.state && state.entropy) entropy.state = state.entropy;
  scheduler.restore(state.activity, state.turn);
}

/** Whatever a part of the machine stumbles over: it is the state that is wrong. */
function refusing(part: string, restore: () => void): void {
  try {
    restore();
  } catch (error) {
    if (!(error instanceof Error) || isBadDevice(error)) throw error;
    const place = error instanceof MachineError ? error.path : undefined;
    if (place === undefined) throw badState(part, error.message, error);
    throw badState(`${part}.${place}`, error.message.slice(place.length + 2), error);
  }
}

/** A device refuses a state with a MachineError; whatever else it throws is its own mistake. */
function restoring(device: Device, state: SavedState): void {
  let refusal: MachineError | undefined;
  answering(ownerOf(device), 'restore', () => {
    try {
      device.restore(state);
    } catch (error) {
      if (!(error instanceof MachineError) || isBadDevice(error)) throw error;
      refusal = error;
    }
  });
  if (refusal) throw refusal;
}

const isBadDevice = (error: unknown): boolean => error instanceof MachineError && error.code === 'bad-device';

function requireIdle(scheduler: Scheduler): void {
  if (scheduler.running && !scheduler.stands)
    throw new MachineError('bad-call', 'the machine is running', { remedy: 'stop it first' });
}
