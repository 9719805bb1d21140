/** virt64 machines, accels, devices. */
import { parseArgs } from 'node:util';
import { MachineError } from '#core';
import type { Registry } from '#machines';
import { ExitCode } from './exit-code.ts';
import { registryWith } from './import-plugin.ts';
import { printJson, printTable } from './output.ts';

async function prepare(args: readonly string[]): Promise<{ registry: Registry; json: boolean }> {
  const options = { json: { type: 'boolean' }, plugin: { type: 'string', multiple: true } } as const;
  try {
    const { values } = parseArgs({ args: [...args], options });
    return { registry: await registryWith(values.plugin ?? []), json: values.json ?? false };
  } catch (error) {
    if (error instanceof MachineError) throw error;
    throw new MachineError('bad-argument', (error as Error).message.split('\n')[0]!, { remedy: 'lists take --json and --plugin FILE' });
  }
}

export async function listMachines(args: readonly string[]): Promise<number> {
  const { registry, json } = await prepare(args);
  const machines = [...registry.profiles.values()].map(({ name, description, memory, processors, devices }) => ({
    name,
    description,
    memory,
    processors,
    devices: Object.keys(devices),
  }));
  if (json) printJson(machines);
  else printTable(machines.map(({ name, description }) => [name, description]));
  return ExitCode.ok;
}

export async function listAccelerators(args: readonly string[]): Promise<number> {
  const { registry, json } = await prepare(args);
  const all = [...registry.accelerators.values()].map(({ name, description }) => ({ name, description }));
  if (json) printJson(all);
  else printTable(all.map(({ name, description }) => [name, description]));
  return ExitCode.ok;
}

export async function listDevices(args: readonly string[]): Promise<number> {
  const { registry, json } = await prepare(args);
  const devices = [...registry.devices].map(([name, type]) => ({
    name,
    options: Object.fromEntries(Object.entries(type.options).map(([option, { description }]) => [option, description])),
  }));
  if (json) printJson(devices);
  else printTable(devices.map(({ name, options }) => [name, Object.entries(options).map(([option, what]) => `${option}: ${what}`).join('; ')]));
  return ExitCode.ok;
}
