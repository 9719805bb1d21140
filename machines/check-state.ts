/** Whether a state that comes from anywhere is one of this machine: looked through before anything is changed. */
import { type BranchState, MachineError } from '#core';
import type { MachineState, StatefulParts } from './machine-state.ts';

export const badState = (path: string, message: string, cause?: unknown): MachineError =>
  new MachineError('bad-state', message, {
    path,
    remedy: 'restore what `save` gave, on a machine of the same profile',
    cause,
  });

const activities: readonly unknown[] = ['running', 'halted', 'waitForSipi'];
const top = 2n ** 64n;
const records = Array<bigint>(16).fill(0n);
const someBranches: BranchState = {
  debugControl: 0n,
  branchSelect: 0n,
  branchTop: 0n,
  exceptionFrom: 0n,
  exceptionTo: 0n,
  from: records,
  to: records,
};

/** Throws the first difference. What devices saved they check themselves. */
export function checkState({ profile, virtual, memory, devices, entropy }: StatefulParts, state: MachineState): void {
  if (!isRecord(state)) throw badState('state', 'this is no saved state');
  const { version, time, activity, processors } = state;
  if (version !== 1) throw badState('version', `the state has version ${version}, not 1`);
  if (state.profile !== profile.name)
    throw badState('profile', `the state is of ${state.profile}, the machine is a ${profile.name}`);
  if (!Number.isFinite(time) || time < 0) throw badState('time', `${time} is no time`);

  const own = virtual.processors.map(processor => {
    const { debug, interrupts, ...others } = processor.getState();
    const { branches: _, ...registers } = debug;
    const { event: __, ...rest } = interrupts;
    return { ...others, debug: registers, interrupts: rest };
  });
  if (!Array.isArray(processors) || processors.length !== own.length)
    throw badState('processors', `the state is not of ${own.length} processors`);
  checkForm(processors, own, 'processors');
  processors.forEach(({ debug: { branches }, interrupts: { event } }, index) => {
    if (branches !== undefined) checkForm(branches, someBranches, `processors.${index}.debug.branches`);
    if (event !== undefined)
      checkForm(
        event,
        'errorCode' in event ? { vector: 0, errorCode: 0 } : { vector: 0 },
        `processors.${index}.interrupts.event`,
      );
  });
  if (!Array.isArray(activity) || activity.length !== own.length || !activity.every(each => activities.includes(each)))
    throw badState('activity', `there are not ${own.length} of ${activities.join(', ')}`);
  const turn: Partial<MachineState['turn']> = isRecord(state.turn) ? state.turn : {};
  if (!own[turn.processor ?? -1] || !Number.isFinite(turn.end)) throw badState('turn', 'this is nobody’s turn');

  if (!isRecord(state.devices)) throw badState('devices', 'there are none');
  for (const name of devices.keys())
    if (!isRecord(state.devices[name])) throw badState(`devices.${name}`, 'the state has no such device');
  const unknown = Object.keys(state.devices).find(name => !devices.has(name));
  if (unknown !== undefined) throw badState(`devices.${unknown}`, 'the machine has no such device');

  if (entropy.state && state.entropy) checkForm(state.entropy, entropy.state, 'entropy');

  const sameRam =
    Array.isArray(state.memory) &&
    state.memory.length === memory.regions.length &&
    memory.regions.every(({ base, size }, n) => {
      const part = state.memory[n];
      return part?.base === base && part.bytes instanceof Uint8Array && part.bytes.length === size;
    });
  if (!sameRam) throw badState('memory', 'the state has other RAM');
}

/** `value` is to be built as `form` is, which is the machine's own. */
function checkForm(value: unknown, form: unknown, path: string): void {
  if (form instanceof Uint8Array) {
    if (!(value instanceof Uint8Array) || value.length !== form.length)
      throw badState(path, `these are not ${form.length} bytes`);
  } else if (typeof form === 'object' && form !== null) {
    const isSame = Array.isArray(form) ? Array.isArray(value) && value.length === form.length : isRecord(value);
    if (!isSame) throw badState(path, 'this is something else, or a part of it');
    for (const [name, part] of Object.entries(form))
      checkForm((value as Record<string, unknown>)[name], part, `${path}.${name}`);
  } else {
    const fits =
      typeof value === typeof form &&
      (typeof value !== 'bigint' || (value >= 0n && value < top)) &&
      (typeof value !== 'number' || (Number.isInteger(value) && value >= 0 && value < 2 ** 32));
    if (!fits) throw badState(path, `${String(value)} is no value for this`);
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
