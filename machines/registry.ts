/** All components by name: those that come with virt64, and those that plugins add. */
import { type AcceleratorFactory, accelerators } from '#accelerators';
import { componentName, type DeviceClass, MachineError } from '#core';
import * as shipped from '#devices';
import type { Profile } from './profile.ts';
import { microvm } from './profiles/microvm.ts';
import { pc } from './profiles/pc.ts';
import { toyvirt } from './profiles/toyvirt.ts';
import { suggestion } from './suggestion.ts';

/** What a plugin brings; the loader in `plugins` makes one of a module. */
export interface Components {
  readonly devices: ReadonlyMap<string, DeviceClass>;
  readonly profiles: ReadonlyMap<string, { readonly name: string }>;
  readonly accelerators: ReadonlyMap<string, { readonly name: string }>;
}

const shippedDevices = (): [string, DeviceClass][] =>
  Object.values(shipped as Record<string, unknown>).flatMap(value => {
    const name = typeof value === 'function' ? componentName(value) : undefined;
    return name?.startsWith('device:') ? [[name.slice('device:'.length), value as DeviceClass]] : [];
  });

export class Registry {
  readonly devices = new Map<string, DeviceClass>(shippedDevices());
  readonly profiles = new Map<string, Profile>([pc, microvm, toyvirt].map(profile => [profile.name, profile]));
  readonly accelerators = new Map<string, AcceleratorFactory>(accelerators.map(each => [each.name, each]));

  /** Throws if a name is taken. */
  add({ devices, profiles, accelerators: added }: Components): void {
    merge('device', this.devices, devices);
    merge('machine profile', this.profiles, profiles as ReadonlyMap<string, Profile>);
    merge('accelerator', this.accelerators, added as ReadonlyMap<string, AcceleratorFactory>);
  }

  profile(name: string): Profile {
    return find('machine profile', this.profiles, name);
  }

  accelerator(name: string): AcceleratorFactory {
    return find('accelerator', this.accelerators, name);
  }
}

function merge<T>(kind: string, into: Map<string, T>, from: ReadonlyMap<string, T>): void {
  for (const [name, component] of from) {
    if (into.has(name))
      throw new MachineError('overlap', `there is a ${kind} called ${name} already`, { remedy: 'rename the plugin’s' });
    into.set(name, component);
  }
}

function find<T>(kind: string, among: ReadonlyMap<string, T>, name: string): T {
  const found = among.get(name);
  if (found !== undefined) return found;
  throw new MachineError('unknown-component', `there is no ${kind} called ${name}`, {
    remedy: suggestion(kind, name, among.keys()),
  });
}
