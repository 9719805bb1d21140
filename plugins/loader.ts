/**
 * Reads what a plugin exports. A plugin is a module: every export that is a device class, a machine profile or an accelerator is a
 * component of it, under the name that it carries itself.
 */
import { componentName, type DeviceClass, MachineError } from '#core';

/** What `machines` and `accelerators` know more of; the loader only needs the name. */
export interface Named {
  readonly name: string;
}

export interface PluginComponents {
  readonly devices: ReadonlyMap<string, DeviceClass>;
  readonly profiles: ReadonlyMap<string, Named>;
  readonly accelerators: ReadonlyMap<string, Named>;
}

/** How the host gets at a module: by file or by package name. */
export type ImportModule = (specifier: string) => Promise<Readonly<Record<string, unknown>>>;

export async function loadPlugin(specifier: string, importModule: ImportModule): Promise<PluginComponents> {
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = await importModule(specifier);
  } catch (cause) {
    if (cause instanceof MachineError) throw cause;
    throw new MachineError('bad-plugin', `${specifier} cannot be loaded: ${(cause as Error).message}`, {
      remedy: 'check the file name and that the module runs by itself',
      cause,
    });
  }
  return classify(specifier, exports);
}

export function classify(specifier: string, exports: Readonly<Record<string, unknown>>): PluginComponents {
  const devices = new Map<string, DeviceClass>();
  const profiles = new Map<string, Named>();
  const accelerators = new Map<string, Named>();
  const add = <T>(kind: string, into: Map<string, T>, name: string, component: T): void => {
    if (into.has(name))
      throw new MachineError('overlap', `${specifier} exports two ${kind}s called ${name}`, { remedy: 'rename one' });
    into.set(name, component);
  };
  for (const [exported, value] of Object.entries(exports)) {
    if (isDevice(value)) {
      if (typeof value.options !== 'object') {
        throw new MachineError('bad-plugin', `${specifier}: device ${exported} has no options`, {
          remedy: 'give the class `static readonly options = {}`',
        });
      }
      add('device', devices, componentName(value)!.slice('device:'.length), value);
    } else if (isProfile(value)) add('profile', profiles, value.name, value);
    else if (isAccelerator(value)) add('accelerator', accelerators, value.name, value);
  }
  if (devices.size + profiles.size + accelerators.size === 0) {
    throw new MachineError('bad-plugin', `${specifier} exports no device, profile or accelerator`, {
      remedy: 'export classes with @device, values of profile(), or accelerator factories',
    });
  }
  return { devices, profiles, accelerators };
}

const isDevice = (value: unknown): value is DeviceClass =>
  typeof value === 'function' && (componentName(value)?.startsWith('device:') ?? false);
const hasName = (value: unknown): value is Named & Record<string, unknown> =>
  typeof value === 'object' && value !== null && typeof (value as Named).name === 'string';
const isProfile = (value: unknown): value is Named =>
  hasName(value) && typeof value.with === 'function' && 'devices' in value;
const isAccelerator = (value: unknown): value is Named => hasName(value) && typeof value.create === 'function';
