/** virt64 machines, accels, devices. */
import type { Registry } from '#machines';
import { parseCommand } from './arguments.ts';
import { ExitCode } from './exit-code.ts';
import { registryWith } from './import-plugin.ts';
import { optionHelp } from './option-help.ts';
import { listOptions } from './options.ts';
import { bold, print, printJson, printTable } from './output.ts';

interface Listing<T> {
  readonly what: string;
  readonly items: (registry: Registry) => readonly T[];
  readonly show: (items: readonly T[]) => void;
}

const listing =
  <T>(command: string, { what, items, show }: Listing<T>) =>
  async (args: readonly string[]): Promise<number> => {
    const { help, json, plugin = [] } = parseCommand(command, args, listOptions);
    if (help) {
      print(`Usage: virt64 ${command} [options]\n\nLists ${what}, those of plugins too.\n\n${optionHelp(listOptions)}`);
      return ExitCode.ok;
    }
    const all = items(await registryWith(plugin));
    if (json) printJson(all);
    else show(all);
    return ExitCode.ok;
  };

export const listMachines = listing('machines', {
  what: 'machine profiles',
  items: ({ profiles }) =>
    [...profiles.values()].map(({ name, description, memory, processors, cpu, devices, absent }) => ({
      name,
      description,
      memory,
      processors,
      cpu: typeof cpu === 'string' ? cpu : 'custom',
      devices: Object.keys(devices),
      absent: Object.fromEntries(
        Object.entries(absent).map(([port, what]) => [`0x${Number(port).toString(16)}`, what]),
      ),
    })),
  show: all => printTable(all.map(({ name, description }) => [name, description])),
});

export const listAccelerators = listing('accels', {
  what: 'accelerators',
  items: ({ accelerators }) => [...accelerators.values()].map(({ name, description }) => ({ name, description })),
  show: all => printTable(all.map(({ name, description }) => [name, description])),
});

export const listDevices = listing('devices', {
  what: 'device classes and their options',
  items: ({ devices }) =>
    [...devices].map(([name, type]) => ({
      name,
      options: Object.fromEntries(Object.entries(type.options).map(([option, type]) => [option, type.description])),
    })),
  show: all => {
    for (const { name, options } of all) {
      print(bold(name));
      const width = Math.max(0, ...Object.keys(options).map(({ length }) => length));
      for (const [option, what] of Object.entries(options)) print(`  ${option.padEnd(width)}  ${what}`);
    }
  },
});
