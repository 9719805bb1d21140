/**
 * Reads what a plugin exports. A plugin is a module: every export that is a device class, a machine profile, an accelerator or an observer
 * class is a component of it, under the name that it carries itself.
 */
import {
  componentName,
  componentOrigin,
  Device,
  type DeviceClass,
  MachineError,
  observerName,
  setComponentOrigin,
} from '#core';

/** What `machines` and `accelerators` know more of; the loader only needs the name. */
export interface Named {
  readonly name: string;
}

export interface PluginComponents {
  readonly devices: ReadonlyMap<string, DeviceClass>;
  readonly profiles: ReadonlyMap<string, Named>;
  readonly accelerators: ReadonlyMap<string, Named>;
  readonly observers: ReadonlyMap<string, object>;
}

/** How the host gets at a module: by file or by package name. */
export type ImportModule = (specifier: string) => Promise<Readonly<Record<string, unknown>>>;

export async function loadPlugin(specifier: string, importModule: ImportModule): Promise<PluginComponents> {
  try {
    return classify(specifier, await importModule(specifier));
  } catch (cause) {
    if (cause instanceof MachineError) throw cause;
    const { message } = cause instanceof Error ? cause : { message: String(cause) };
    throw new MachineError('bad-plugin', `${specifier} cannot be loaded: ${message}`, {
      remedy: 'check that the module runs by itself',
      cause,
    });
  }
}

/** Sorts a module's exports. Those that are no components are the module's own affair. */
export function classify(specifier: string, exports: Readonly<Record<string, unknown>>): PluginComponents {
  const devices = new Map<string, DeviceClass>();
  const profiles = new Map<string, Named>();
  const accelerators = new Map<string, Named>();
  const observers = new Map<string, object>();
  const add = <T>(kind: string, into: Map<string, T>, name: string, component: T): void => {
    // Exported twice, by name and as default, it is still one.
    if (into.has(name) && into.get(name) !== component)
      throw new MachineError('overlap', `${specifier} exports two ${kind}s called ${name}`, { remedy: 'rename one' });
    into.set(name, component);
  };
  const wrong = (message: string, remedy: string): never => {
    throw new MachineError('bad-plugin', `${specifier}: ${message}`, { remedy });
  };
  for (const [exported, value] of Object.entries(exports)) {
    if (isDevice(value)) {
      if (typeof value.options !== 'object' || value.options === null) {
        wrong(`device ${exported} has no options`, 'give the class `static readonly options = {}`');
      }
      if (!(value.prototype instanceof Device)) wrong(`device ${exported} is no Device`, 'let it extend Device');
      const missing = duties.find(duty => typeof value.prototype[duty] !== 'function');
      if (missing !== undefined) wrong(`device ${exported} has no ${missing}()`, 'see Device for what it must do');
      setComponentOrigin(value, specifier);
      add('device', devices, componentName(value)!.slice(devicePrefix.length), value);
    } else if (observerName(value) !== undefined) {
      setComponentOrigin(value as object, specifier);
      add('observer', observers, observerName(value)!, value as object);
    } else if (isProfile(value)) {
      const misused = misusedDevice(value);
      if (misused !== undefined) {
        wrong(`profile ${value.name} does not say what ${misused} is`, 'write devices: { name: use(Class, options) }');
      }
      for (const type of deviceTypes(value))
        if (componentOrigin(type) === undefined) setComponentOrigin(type, specifier);
      add('profile', profiles, value.name, value);
    } else if (isAccelerator(value)) add('accelerator', accelerators, value.name, value);
  }
  if (devices.size + profiles.size + accelerators.size + observers.size === 0) {
    throw new MachineError('bad-plugin', `${specifier} exports no device, profile, accelerator or observer`, {
      remedy: 'export classes with @device, values of profile(), accelerator factories, or classes with @observer',
    });
  }
  return { devices, profiles, accelerators, observers };
}

const devicePrefix = 'device:';
/** What Device leaves to every device; a class in plain JavaScript may lack it. */
const duties = ['reset', 'save', 'restore', 'inspect'] as const;
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isDevice = (value: unknown): value is DeviceClass =>
  typeof value === 'function' && (componentName(value)?.startsWith(devicePrefix) ?? false);
const hasName = (value: unknown): value is Named & Record<string, unknown> =>
  isObject(value) && typeof value.name === 'string' && value.name !== '';
const isProfile = (value: unknown): value is Named & Record<string, unknown> =>
  hasName(value) && typeof value.with === 'function' && 'devices' in value;
const isAccelerator = (value: unknown): value is Named => hasName(value) && typeof value.create === 'function';

const deviceTypes = ({ devices }: Record<string, unknown>): object[] =>
  Object.values(devices as Record<string, { type: object }>).map(({ type }) => type);

/** The first thing among a profile's devices that is no device class with options. */
function misusedDevice({ devices }: Record<string, unknown>): string | undefined {
  if (!isObject(devices)) return 'devices';
  const wrong = Object.entries(devices).find(
    ([, use]) => !isObject(use) || !isDevice(use.type) || !isObject(use.options),
  );
  return wrong && `devices.${wrong[0]}`;
}
