/**
 * Who answers for what happens on the board. Handlers, timers and host tasks belong to the device that gave them; what they throw
 * leaves the machine as an error that names it.
 */
import { type Constructor, componentName, componentOrigin } from './component.ts';
import { MachineError } from './error.ts';
import type { Scope } from './scope.ts';
import { service } from './service.ts';
import { sourceLine } from './source-line.ts';

export interface Owner {
  /** In the profile. */
  readonly name: string;
  readonly type: Constructor;
  /** It comes with virt64: what it throws is a mistake of virt64, and stays the error that it is. */
  readonly shipped: boolean;
}

/** What a board adds to the scope of each device: services that know whom they serve. */
export interface Ownership {
  own(scope: Scope, name: string, type: Constructor): Owner;
}

export const Ownership = service<Ownership>('Ownership');

/** Errors that have found their owner: they pass through other devices on their way out. */
const judged = new WeakSet<object>();

/** What to throw in the place of `error`, which a handler of `owner` threw. `act` says what it was to do: 'a read of port 0x60'. */
export function blame(owner: Owner | undefined, act: string, error: unknown): unknown {
  if (typeof error === 'object' && error !== null && judged.has(error)) return error;
  const verdict = owner === undefined || owner.shipped ? error : mistakeOf(owner, act, error);
  if (typeof verdict === 'object' && verdict !== null) judged.add(verdict);
  return verdict;
}

/** Runs what belongs to a device: for the rare calls that may be wrapped. */
export function answering<T>(owner: Owner | undefined, act: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw blame(owner, act, error);
  }
}

function mistakeOf({ name, type }: Owner, act: string, cause: unknown): MachineError {
  const origin = componentOrigin(type);
  const line = sourceLine(cause);
  const what = `${componentName(type) ?? type.name}${origin === undefined ? '' : ` of ${origin}`}`;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new MachineError(
    'bad-device',
    `${what} failed in ${act}: ${message}${line === undefined ? '' : ` at ${line}`}`,
    {
      path: `devices.${name}`,
      remedy: 'this is a mistake in that device: nothing that a guest does may make it throw',
      cause,
    },
  );
}

const owners = new WeakMap<object, Owner>();

/** The owner of a device that `createDevice` built. */
export const ownerOf = (device: object): Owner | undefined => owners.get(device);
export const setOwner = (device: object, owner: Owner): void => {
  owners.set(device, owner);
};
