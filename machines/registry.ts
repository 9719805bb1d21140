/** All components by name: those that come with virt64, and those that plugins add. */
import { type AcceleratorFactory, accelerators } from '#accelerators';
import { componentName, type DeviceClass, MachineError } from '#core';
import * as shipped from '#devices';
import { createObserver, type ObserverClass } from './create-observer.ts';
import type { Observer } from './observer.ts';
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
  readonly observers?: ReadonlyMap<string, object>;
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

  /** Those of plugins: there are none that look without being asked to. */
  readonly observers = new Map<string, ObserverClass>();

  /** Throws if a name is taken; nothing has been added then. */
  add({ devices, profiles, accelerators: added, observers = new Map() }: Components): void {
    refuseTaken('device', this.devices, devices);
    refuseTaken('machine profile', this.profiles, profiles);
    refuseTaken('accelerator', this.accelerators, added);
    refuseTaken('observer', this.observers, observers);
    for (const [name, type] of devices) this.devices.set(name, type);
    for (const [name, each] of profiles) this.profiles.set(name, each as Profile);
    for (const [name, each] of added) this.accelerators.set(name, each as AcceleratorFactory);
    for (const [name, each] of observers) this.observers.set(name, each as ObserverClass);
  }

  /** One of each class that plugins have brought, for `BuildOptions.observers`. */
  createObservers(): Observer[] {
    return [...this.observers].map(([name, type]) => createObserver(name, type));
  }

  profile(name: string): Profile {
    return find('machine profile', this.profiles, name);
  }

  accelerator(name: string): AcceleratorFactory {
    return find('accelerator', this.accelerators, name);
  }
}

function refuseTaken(kind: string, known: ReadonlyMap<string, unknown>, added: ReadonlyMap<string, unknown>): void {
  const taken = [...added.keys()].find(name => known.has(name));
  if (taken === undefined) return;
  throw new MachineError('overlap', `there is a ${kind} called ${taken} already`, { remedy: 'rename the plugin’s' });
}

function find<T>(kind: string, among: ReadonlyMap<string, T>, name: string): T {
  const found = among.get(name);
  if (found !== undefined) return found;
  throw new MachineError('unknown-component', `there is no ${kind} called ${name}`, {
    remedy: suggestion(kind, name, among.keys()),
  });
}
