/** Boots Linux under the virtual clock, moves it about while it runs, and reports everything that it said. */
import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlockBackend, MemoryDisk } from '#core';
import { VirtioBlock } from '#devices';
import { build, decodeState, encodeState, type Machine, microvm, type Profile, pc, use } from '#machines';
import { FileDisk } from '../../../cli/host/file-disk.ts';
import { nameOf } from '../configuration.ts';
import { bootSource } from '../guest/boot-source.ts';
import { workScript } from '../guest/work.ts';
import { type BootUnit, placeName, type Report } from '../unit.ts';
import { Journey } from './journey.ts';

const diskSize = 8 << 20;

export async function runBoot(unit: BootUnit): Promise<Report> {
  const { configuration } = unit;
  await using disk = configuration.work === 'disk' ? await diskOf(unit) : undefined;
  const profile = await profileOf(unit, disk?.backend);
  const machines: Machine[] = [];
  try {
    for (const place of unit.places) machines.push(await build(profile, place));
    const journey = new Journey(machines, unit.encoded ? state => decodeState(encodeState(state)) : state => state);
    const { end, log, moves } = await journey.run(configuration, unit.gaps);
    const content = disk ? await disk.checksum() : 'none';
    const well = end.startsWith('powerOff') || (configuration.ending === 'reboot' && end.startsWith('reset'));
    const failures = well ? [] : [`${unit.places.map(placeName).join(' → ')}: it ended with ${end}`];
    if (!log.includes('the work is done')) failures.push('the work was not done');
    const traces = [{ configuration: nameOf(configuration), log, end: `${end}, disk ${content}` }];
    return { failures, traces, counts: { moves, boots: configuration.ending === 'powerOff' ? 1 : 2 } };
  } finally {
    for (const machine of machines) await machine[Symbol.asyncDispose]();
  }
}

async function profileOf({ configuration }: BootUnit, disk: BlockBackend | undefined): Promise<Profile> {
  const { profile, processors, memory, cpu } = configuration;
  const boot = await bootSource({ script: workScript(configuration), disk: disk !== undefined, clock: 'virtual' });
  return (profile === 'pc' ? pc : microvm).with({
    processors,
    memory,
    cpu,
    boot,
    ...(disk && { devices: { disk: use(VirtioBlock, { slot: '00:05.0', disk }) } }),
  });
}

interface DiskUnderTest extends AsyncDisposable {
  readonly backend: BlockBackend;
  checksum(): Promise<string>;
}

async function diskOf({ number, diskInFile }: BootUnit): Promise<DiskUnderTest> {
  const path = join(tmpdir(), `virt64-soak-${process.pid}-${number}.img`);
  if (diskInFile) await makeFile(path);
  const backend = diskInFile ? await FileDisk.open(path) : new MemoryDisk(new Uint8Array(diskSize));
  return {
    backend,
    async checksum() {
      const content = new Uint8Array(diskSize);
      await backend.read(0, content);
      return createHash('md5').update(content).digest('hex');
    },
    async [Symbol.asyncDispose]() {
      if (!(backend instanceof FileDisk)) return;
      await backend.close();
      await rm(path);
    },
  };
}

async function makeFile(path: string): Promise<void> {
  const handle = await open(path, 'w');
  await handle.truncate(diskSize);
  await handle.close();
}
