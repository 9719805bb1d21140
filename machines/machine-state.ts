/** Everything that makes a machine the one it is, between two instructions: it goes on from here on any accelerator. */

import type { Accelerator, VirtualMachine } from '#accelerators';
import { type CpuState, type Device, type GuestMemory, MachineError, type SavedState } from '#core';
import type { Activity, Scheduler } from './scheduler.ts';

export interface MachineState {
  readonly version: 1;
  readonly profile: string;
  /** Nanoseconds since power-on. */
  readonly time: number;
  readonly activity: readonly Activity[];
  readonly processors: readonly CpuState[];
  readonly devices: Readonly<Record<string, SavedState>>;
  /** Contents of RAM, region by region. */
  readonly memory: readonly { readonly base: number; readonly bytes: Uint8Array }[];
}

export interface StatefulParts {
  readonly profile: { readonly name: string; readonly clock: string };
  readonly accelerator: Pick<Accelerator, 'time'>;
  readonly virtual: Pick<VirtualMachine, 'processors'>;
  readonly scheduler: Scheduler;
  readonly memory: GuestMemory;
  readonly devices: ReadonlyMap<string, Device>;
  readonly now: () => number;
}

export function saveMachine({ profile, virtual, scheduler, memory, devices, now }: StatefulParts): MachineState {
  requireIdle(scheduler);
  return {
    version: 1,
    profile: profile.name,
    time: now(),
    activity: virtual.processors.map((_, index) => scheduler.activity(index)),
    processors: virtual.processors.map(processor => processor.getState()),
    devices: Object.fromEntries([...devices].map(([name, device]) => [name, device.save()])),
    memory: memory.regions.map(({ base, size }) => {
      const bytes = new Uint8Array(size);
      memory.read(base, bytes);
      return { base, bytes };
    }),
  };
}

/** On a machine of the same profile whose own time is not past the state's. Everything is checked before anything is changed. */
export function restoreMachine(parts: StatefulParts, state: MachineState): void {
  const { profile, accelerator, virtual, scheduler, memory, devices, now } = parts;
  requireIdle(scheduler);
  const refuse = (message: string): never => {
    throw new MachineError('bad-state', message, { remedy: 'restore on a machine of the same profile, freshly built' });
  };
  if (state.version !== 1) refuse(`the state has version ${state.version}, not 1`);
  if (state.profile !== profile.name) refuse(`the state is of ${state.profile}, the machine is a ${profile.name}`);
  if (state.processors.length !== virtual.processors.length)
    refuse(`the state has ${state.processors.length} processors`);
  const missing = [...devices.keys()].find(name => !state.devices[name]);
  if (missing !== undefined) refuse(`the state has no device ${missing}`);
  const sameRam =
    memory.regions.length === state.memory.length &&
    memory.regions.every(
      ({ base, size }, n) => base === state.memory[n]!.base && size === state.memory[n]!.bytes.length,
    );
  if (!sameRam) refuse('the state has other RAM');
  if (profile.clock === 'virtual') {
    if (now() > state.time) refuse(`the state is of ${state.time} ns, the machine is past that`);
    accelerator.time.skip(state.time - now());
  }
  for (const { base, bytes } of state.memory) memory.write(base, bytes);
  for (const [name, device] of devices) device.restore(state.devices[name]!);
  virtual.processors.forEach((processor, index) => {
    processor.setState(state.processors[index]!);
  });
  scheduler.restore(state.activity);
}

function requireIdle(scheduler: Scheduler): void {
  if (scheduler.running) throw new MachineError('bad-call', 'the machine is running', { remedy: 'stop it first' });
}
