import { readFileSync } from 'node:fs';
import test from 'ava';
import { accelerators } from '#accelerators';
import { runOptions } from '../../cli/options.ts';
import { virt64 } from './support.ts';

test.serial('machines: names and descriptions, plainly or as JSON', async t => {
  const plain = await virt64('machines');
  t.deepEqual(
    plain.stdout
      .trimEnd()
      .split('\n')
      .map(line => line.split(' ')[0]),
    ['pc', 'microvm', 'toyvirt'],
  );
  t.is(plain.stderr, '');
  t.is(plain.status, 0);
  const machines = JSON.parse((await virt64('machines', '--json')).stdout) as { name: string; devices: string[] }[];
  t.like(
    machines.find(({ name }) => name === 'pc'),
    { cpu: 'amd', processors: 1, memory: '512 MiB', absent: { '0x2e': 'Super I/O', '0x3c0': 'VGA' } },
  );
  t.true(machines.find(({ name }) => name === 'pc')?.devices.includes('pci'));
});

test.serial('accels: those that the API has', async t => {
  const all = JSON.parse((await virt64('accels', '--json')).stdout) as { name: string }[];
  t.deepEqual(all.map(({ name }) => name).sort(), accelerators.map(({ name }) => name).sort());
});

test.serial('devices: every option is described', async t => {
  const devices = JSON.parse((await virt64('devices', '--json')).stdout) as { name: string; options: object }[];
  t.true(devices.length >= 10);
  t.like(devices.find(({ name }) => name === 'isa-serial')?.options, { port: 'a port from 0 to 0xffff' });
  t.regex((await virt64('devices')).stdout, /^isa-serial\n {2}port {4}a port/m);
});

test.serial('a plugin’s components are listed with ours', async t => {
  const { stdout } = await virt64('machines', '--plugin', './examples/dice/dice.ts');
  t.regex(stdout, /^casino +microvm with a die/m);
  t.regex((await virt64('devices', '--plugin', './examples/dice/dice.ts')).stdout, /^die\n/m);
});

test.serial('help on stdout for every command, and no colours where there is no terminal', async t => {
  for (const args of [
    ['--help'],
    ['help'],
    ['run', '-h'],
    ['help', 'run'],
    ['demo', '--help'],
    ['machines', '--help'],
    ['help', 'devices'],
    ['help', 'completion'],
    ['help', 'help'],
    ['help', '--help'],
    ['--help', 'run'],
  ]) {
    const { status, stdout, stderr } = await virt64(...args);
    t.is(status, 0);
    t.regex(stdout, /Usage: virt64/);
    t.is(stderr, '');
    t.false(stdout.includes('\x1b'));
    for (const line of stdout.split('\n')) t.true(line.length <= 80, line);
  }
  const { stdout } = await virt64('run', '--help');
  for (const status of ['64', '65', '69', '70', '124', '130']) t.true(stdout.includes(` ${status} `), status);
  for (const option of Object.keys(runOptions)) t.true(stdout.includes(` --${option} `), option);
});

test.serial('the version is the package’s, wherever it is asked for', async t => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const ways = [
    ['--version'],
    ['-v'],
    ['-V'],
    ['version'],
    ['run', '--version'],
    ['run', '-v'],
    ['run', '-qv'],
    ['run', '-M', 'pc', '-V'],
    ['demo', '-v'],
  ];
  for (const args of ways)
    t.deepEqual(await virt64(...args), { status: 0, stdout: `${version}\n`, stderr: '' }, args.join(' '));
});
