import { component, componentName } from './component.ts';
import { MachineError } from './error.ts';
import type { InspectTree } from './inspect.ts';
import { ComponentName, type GivenOptions, type OptionSchema, Options, parseOptions } from './options.ts';
import { Ownership, setOwner } from './owner.ts';
import type { SavedState } from './saved-state.ts';
import type { Scope } from './scope.ts';

/** Names a device class for profiles and the command line: `@device('pit')`. */
export const device = component('device');

/** A part of the board. It claims its ports, addresses and wires in its constructor and never sees the machine. */
export abstract class Device {
  /** As after power-on. Called before the first run and whenever the machine is reset. */
  abstract reset(): void;

  /** Everything volatile, as a copy. Only called while no processor runs. */
  abstract save(): SavedState;

  /** Takes back what `save` gave, on a device with the same options. Throws a MachineError and changes nothing otherwise. */
  abstract restore(state: SavedState): void;

  abstract inspect(): InspectTree;

  /** Resolves when what the guest has written is durable on the host. Called when the machine is disposed of. */
  flush?(): Promise<void>;
}

/** A device class as profiles use it: a constructor with a schema of its options. */
export interface DeviceClass<S extends OptionSchema = OptionSchema, D extends Device = Device> {
  new (...parameters: never[]): D;
  readonly options: S;
}

/** Builds one device in a scope of its own. `name` is its name in the profile, which wires and errors use. */
export function createDevice<S extends OptionSchema, D extends Device>(
  scope: Scope,
  name: string,
  type: DeviceClass<S, D>,
  given: NoInfer<GivenOptions<S>>,
): D {
  const options = parseOptions(type.options, given, `devices.${name}`);
  try {
    const own = scope.child().provide(Options, options).provide(ComponentName, name);
    const owner = scope.has(Ownership) ? scope.get(Ownership).own(own, name, type) : undefined;
    const device = own.create(type);
    if (owner) setOwner(device, owner);
    return device;
  } catch (cause) {
    if (cause instanceof MachineError) throw cause;
    throw new MachineError('bad-device', `${componentName(type) ?? type.name} cannot be built: ${messageOf(cause)}`, {
      path: `devices.${name}`,
      remedy: 'this is a mistake in its constructor, which may only throw a MachineError',
      cause,
    });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
