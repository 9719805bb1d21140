/** From the command line to a profile: defaults, sizes, drives. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { amd, type BlockBackend } from '#core';
import { type Profile, pc, Registry } from '#machines';
import { parseRun } from '../../cli/arguments.ts';
import type { FileDisk } from '../../cli/host/file-disk.ts';
import { profileOf } from '../../cli/profile.ts';

const folder = mkdtempSync(join(tmpdir(), 'virt64-profile-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const profileFor = (...args: string[]): Promise<Profile> => profileOf(parseRun(args), new Registry());

test('by default a pc in real time, as its profile has it', async t => {
  t.like(await profileFor(), { name: 'pc', clock: 'host', memory: '512 MiB', processors: 1, cpu: 'amd' });
});

test('what is given', async t => {
  const args = ['-M', 'microvm', '--clock', 'virtual', '-m', '96', '--smp', '3', '--cpu', 'intel'];
  t.like(await profileFor(...args), { clock: 'virtual', memory: '96M', processors: 3, cpu: 'intel' });
  t.is((await profileFor('--mem', '1G')).memory, '1G');
});

test("a profile's own processor model is not replaced in silence, nor given other processors", async t => {
  const registry = new Registry();
  const special = pc.with({ cpu: amd({ without: ['popcnt'] }) }, 'special');
  registry.add({ devices: new Map(), accelerators: new Map(), profiles: new Map([['special', special]]) });
  const described = (...args: string[]) => profileOf(parseRun(['-M', 'special', ...args]), registry);
  t.is((await described()).cpu, special.cpu);
  await t.throwsAsync(described('--cpu', 'amd'), {
    code: 'bad-argument',
    message: /^--cpu: machine special has a processor model of its own, amd \(leave the option away/,
  });
  await t.throwsAsync(described('--smp', '2'), {
    code: 'bad-profile',
    message: /^--smp: the model amd is of 1 processors/,
  });
});

test('drives have slots of their own, and are written to unless they must not be', async t => {
  const image = (name: string): string => {
    const path = join(folder, name);
    writeFileSync(path, new Uint8Array(1024));
    return path;
  };
  const drives = [
    image('a'),
    `${image('b')},ro`,
    `file=${image('c')},readonly=on,format=raw`,
    `file=${image('d')},if=virtio`,
  ];
  const { devices } = await profileFor(...drives.map(drive => `--drive=${drive}`));
  const disks = [0, 1, 2, 3].map(index => devices[`disk${index}`].options as { slot: string; disk: BlockBackend });
  t.teardown(() => Promise.all(disks.map(({ disk }) => (disk as FileDisk).close())));
  t.deepEqual(
    disks.map(({ slot, disk }) => [slot, disk.readOnly]),
    [
      ['00:04.0', false],
      ['00:05.0', true],
      ['00:06.0', true],
      ['00:07.0', false],
    ],
  );
});

test('as many drives as the bus has slots for', async t => {
  const path = join(folder, 'many');
  writeFileSync(path, new Uint8Array(512));
  const drives = (count: number) => Array.from({ length: count }, () => `--drive=${path},ro`);
  const { devices } = await profileFor(...drives(28));
  const disks = Array.from({ length: 28 }, (_, n) => devices[`disk${n}`].options as { slot: string; disk: FileDisk });
  t.teardown(() => Promise.all(disks.map(({ disk }) => disk.close())));
  t.is(disks.at(-1)!.slot, '00:1f.0');
  await t.throwsAsync(profileFor(...drives(29)), {
    code: 'bad-argument',
    message: /29 disks are too many.*at most 28/,
  });
});
