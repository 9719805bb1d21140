/** The shape of a profile, which a program without types, or a plugin, may have got wrong anywhere. */
import { MachineError } from '#core';
import type { BootSource } from './boot-source.ts';
import { namedModel } from './guest-model.ts';
import { memorySize } from './memory.ts';
import type { Profile } from './profile.ts';
import { nearest } from './suggestion.ts';

const maximumProcessors = 64;

const wrong = (path: string, message: string, remedy: string): MachineError =>
  new MachineError('bad-profile', message, { path, remedy });

const said = (value: unknown): string =>
  typeof value === 'object' && value !== null ? 'this' : typeof value === 'string' ? `'${value}'` : String(value);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const known: readonly string[] = [
  'name',
  'with',
  'description',
  'memory',
  'processors',
  'cpu',
  'clock',
  'devices',
  'console',
  'acpi',
  'boot',
  'tripleFault',
  'absent',
];

/** Each throws the first mistake in its part. */
export const checks: readonly ((profile: Profile) => void)[] = [
  profile => {
    const unknown = Object.keys(profile).find(name => !known.includes(name));
    if (unknown === undefined) return;
    const meant = nearest(unknown, known);
    const remedy = meant ? `did you mean ${meant}?` : `a profile has ${known.slice(2).join(', ')}`;
    throw wrong(unknown, 'a profile has no such part', remedy);
  },
  memorySize,
  ({ processors }) => {
    if (Number.isInteger(processors) && processors >= 1 && processors <= maximumProcessors) return;
    throw wrong('processors', `${said(processors)} processors are not possible`, `give 1 to ${maximumProcessors}`);
  },
  ({ cpu }) => {
    if (typeof cpu === 'string') {
      namedModel(cpu);
      return;
    }
    if (isRecord(cpu) && Array.isArray(cpu.leaves) && isRecord(cpu.features)) return;
    throw wrong(
      'cpu',
      `${said(cpu)} is no processor`,
      "give 'amd', 'intel', one of them with differences, or a CpuModel",
    );
  },
  ({ cpu, processors }) => {
    if (!isRecord(cpu) || !Array.isArray(cpu.leaves) || cpu.processors === processors) return;
    const message = `the model ${cpu.name} is of ${cpu.processors} processors, and the machine has ${processors}`;
    throw wrong('processors', message, `make the model with processors: ${processors}`);
  },
  ({ clock }) => {
    if (clock === 'virtual' || clock === 'host') return;
    throw wrong('clock', `${said(clock)} is no clock`, "give 'virtual' or 'host'");
  },
  ({ acpi }) => {
    if (typeof acpi !== 'boolean') throw wrong('acpi', `${said(acpi)} is neither true nor false`, 'give one of them');
  },
  ({ tripleFault }) => {
    if (tripleFault === undefined || tripleFault === 'reset' || tripleFault === 'end') return;
    throw wrong('tripleFault', `${said(tripleFault)} is nothing a triple fault can do`, "give 'reset' or 'end'");
  },
  ({ absent }) => {
    if (!isRecord(absent)) throw wrong('absent', `${said(absent)} names no ports`, 'give names by port, or {}');
  },
  ({ devices }) => {
    for (const [name, use] of Object.entries(devices as Readonly<Record<string, unknown>>)) {
      const path = `devices.${name}`;
      const remedy = 'write it as use(DeviceClass, { … })';
      if (!isRecord(use)) throw wrong(path, `${said(use)} is no device`, remedy);
      const { type, options } = use;
      if (typeof type !== 'function' || !isRecord((type as unknown as Record<string, unknown>).options))
        throw wrong(
          `${path}.type`,
          `${typeof type === 'function' ? type.name : said(type)} is no device class`,
          remedy,
        );
      if (!isRecord(options) || Array.isArray(options)) throw wrong(`${path}.options`, 'there are no options', remedy);
    }
  },
  ({ console: name, devices }) => {
    const names = Object.keys(devices);
    const remedy = `name one of ${names.join(', ') || 'its devices (there are none)'}`;
    if (typeof name !== 'string') throw wrong('console', `${said(name)} is no device`, remedy);
    if (!Object.hasOwn(devices, name)) {
      const meant = nearest(name, names);
      throw wrong('console', `there is no device called ${name}`, meant ? `did you mean ${meant}?` : remedy);
    }
    if (!('stream' in (devices[name].type?.options ?? {})))
      throw wrong('console', `${name} is no device to talk to`, 'name a serial port or a debug console');
  },
  ({ boot }) => {
    if (boot !== undefined) checkBoot(boot);
  },
];

const bootModes: readonly unknown[] = [undefined, 'real', 'protected', 'long'];

function checkBoot(boot: BootSource): void {
  if (!isRecord(boot))
    throw wrong('boot', `${said(boot)} is nothing to boot`, "give { kind: 'kernel', kernel } or a raw image");
  const bytes = (name: string, value: unknown): void => {
    if (!(value instanceof Uint8Array))
      throw wrong(`boot.${name}`, `${said(value)} is no Uint8Array`, 'give the contents of the file');
  };
  const { kind } = boot;
  if (kind === 'kernel') {
    bytes('kernel', boot.kernel);
    if (boot.initrd !== undefined) bytes('initrd', boot.initrd);
    if (boot.randomSeed !== undefined) bytes('randomSeed', boot.randomSeed);
    const { commandLine = '' } = boot;
    if (typeof commandLine !== 'string')
      throw wrong('boot.commandLine', `${said(commandLine)} is no text`, 'give a string');
  } else if (kind === 'raw') {
    bytes('image', boot.image);
    const { options = {} } = boot;
    if (!bootModes.includes(options.mode))
      throw wrong('boot.options.mode', `${said(options.mode)} is no mode`, "give 'real', 'protected' or 'long'");
    for (const name of ['address', 'entry', 'stack'] as const) {
      const value = options[name];
      if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
        throw wrong(`boot.options.${name}`, `${said(value)} is no address`, 'give a whole number');
    }
  } else throw wrong('boot.kind', `${said(kind)} is nothing to boot`, "give 'kernel' or 'raw'");
}
