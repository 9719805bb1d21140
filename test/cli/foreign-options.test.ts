/** Options that QEMU's and xhyve's users are used to. */
import { spawnSync } from 'node:child_process';
import test from 'ava';
import { foreignOptions } from '../../cli/foreign-options.ts';
import { type Options, runOptions } from '../../cli/options.ts';
import { needs } from '../support/needs.ts';
import { virt64 } from './support.ts';

const answered = test.macro({
  exec: async (t, args: string[], given: string, remedy: RegExp) => {
    const { status, stdout, stderr } = await virt64('run', ...args);
    t.is(status, 64);
    t.is(stdout, '');
    const [message, ...answer] = stderr.trimEnd().split('\n');
    t.is(message, `virt64: there is no option ${given}`);
    t.is(answer.length, 1, 'one line');
    t.regex(answer[0], remedy);
  },
  title: (_, args) => (args as string[]).join(' '),
});

test.serial(answered, ['-hda', 'disk.img'], '-hda', /--drive FILE/);
test.serial(answered, ['--hda', 'disk.img'], '--hda', /--drive FILE/);
test.serial(answered, ['-hdb=disk.img'], '-hdb', /--drive FILE/);
test.serial(answered, ['--cdrom=cd.iso'], '--cdrom', /--drive FILE,ro/);
test.serial(answered, ['-mem-path', '/dev/shm'], '-mem-path', /--mem SIZE/);
test.serial(answered, ['-m', '512', '-nographic'], '-nographic', /this terminal/);
test.serial(answered, ['-enable-kvm'], '-enable-kvm', /--accel/);
test.serial(answered, ['-s'], '-s', /give --gdb 1234/);
test.serial(answered, ['-S'], '-S', /give --gdb 1234/);
test.serial(answered, ['-netdev', 'user,id=n'], '-netdev', /no network/);
test.serial(answered, ['-icount', 'shift=0'], '-icount', /--clock virtual/);
test.serial(answered, ['-f', 'kexec,vmlinuz,initrd.gz,quiet'], '-f', /--kernel FILE --initrd FILE/);
test.serial(answered, ['-c', '2'], '-c', /--smp N/);
// Ours by the same name.
for (const [name, value] of Object.entries({
  smp: '2',
  kernel: 'x',
  initrd: 'x',
  append: 'x',
  drive: 'x',
  cpu: 'host',
  machine: 'q35',
  accel: 'kvm',
}))
  test.serial(answered, [`-${name}`, value], `-${name}`, new RegExp(`did you mean --${name}\\?`));
test.serial(answered, ['-no-reboot'], '-no-reboot', /did you mean --no-reboot\?/);

test.serial('before a command, too; and one of run’s own options says where it belongs', async t => {
  t.regex((await virt64('-hda', 'disk.img')).stderr, /no option -hda\n.*--drive FILE/);
  for (const args of [['--mem', '1G'], ['-m', '1G'], ['-kernel', 'bzImage'], ['--accel=software']]) {
    const { status, stderr } = await virt64(...args);
    t.is(status, 64);
    t.is(stderr, `virt64: ${args[0]} comes before any command\n  did you mean virt64 run ${args.join(' ')}?\n`);
  }
});

test.serial('a value that looks like one is a value', async t => {
  t.regex((await virt64('run', '--append=-hda', '-M', 'toyvirt')).stderr, /--append: .*toyvirt/);
});

test('no answer names an option that is not ours, and none hides one of ours', t => {
  const rows: Options = runOptions;
  for (const [name, { short = name }] of Object.entries(rows)) {
    for (const each of [name, short]) t.false(foreignOptions.has(each), each);
  }
  for (const [name, answer] of foreignOptions) {
    for (const [, option] of answer.matchAll(/--([a-z][a-z-]*)/g)) t.true(option! in runOptions, `${name}: ${option}`);
    t.false(answer.includes('\n'), name);
  }
});

needs('qemu-system-x86_64')('every option of QEMU has an answer', t => {
  const { stdout } = spawnSync('qemu-system-x86_64', ['--help'], { encoding: 'utf8' });
  const names = [...stdout.matchAll(/^-([a-z][\w-]*)/gim)].map(([, name]) => name!);
  t.true(names.length > 80);
  const ours = (name: string): boolean => name in runOptions || ['h', 'm'].includes(name);
  t.deepEqual(
    names.filter(name => !ours(name) && !foreignOptions.has(name)),
    [],
  );
});
