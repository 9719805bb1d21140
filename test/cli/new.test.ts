/** `virt64 new`: what it writes, and what it does not. What it wrote is tried in test/package/new.test.ts. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { virt64 } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'virt64-new-'));
const before = process.cwd();
test.before(() => process.chdir(folder));
test.after.always(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

test.serial('an example has the name that is given', async t => {
  const { status, stdout } = await virt64('new', 'device', 'door-bell');
  t.is(status, 0);
  t.regex(stdout, /cd door-bell\n/);
  const file = (name: string): string => readFileSync(join(folder, 'door-bell', name), 'utf8');
  t.regex(file('door-bell.ts'), /class DoorBell extends Device[\s\S]*device = 'door-bell'/);
  t.regex(file('door-bell.test.ts'), /from '\.\/door-bell\.ts'/);
  t.like(JSON.parse(file('package.json')), { name: 'door-bell', exports: './door-bell.ts' });
  for (const name of ['door-bell.ts', 'door-bell.test.ts', 'README.md', 'package.json'])
    t.notRegex(file(name), /sample/i, name);
});

test.serial('nothing is overwritten', async t => {
  mkdirSync(join(folder, 'mine'));
  writeFileSync(join(folder, 'mine', 'mine.ts'), 'mine');
  const { status, stderr } = await virt64('new', 'profile', 'mine');
  t.is(status, 64);
  t.regex(stderr, /the folder mine cannot be made: EEXIST.*give another name/s);
  t.is(readFileSync(join(folder, 'mine', 'mine.ts'), 'utf8'), 'mine');
});

test.serial('mistakes are told, and nothing is written', async t => {
  const complaint = async (...args: string[]) => (await virt64('new', ...args)).stderr;
  t.regex(await complaint(), /a new what\?.*device, profile, test/s);
  t.regex(await complaint('devise', 'bell'), /no example of a devise.*did you mean device/s);
  t.regex(await complaint('device'), /it needs a name/);
  t.regex(await complaint('device', '../bell'), /\.\.\/bell is no name for it/);
  t.regex(await complaint('device', 'Bell'), /Bell is no name/);
  t.regex(await complaint('device', 'bell', '--force'), /no option --force/);
  t.regex(await complaint('device', 'bell', 'book'), /unexpected argument "book"/);
  t.throws(() => readFileSync(join(folder, 'bell', 'package.json')), { code: 'ENOENT' });
});

test.serial('help says how', async t => {
  t.regex((await virt64('new', '--help')).stdout, /virt64 new device\|profile\|test NAME/);
});
