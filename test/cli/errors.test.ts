/** Wrong command lines and wrong files: what the program says, and the status that it ends with. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { syntheticKernel } from '../support/kernel.ts';
import { virt64 } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'virt64-cli-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const kernel = file('bzImage', syntheticKernel());
const truncated = file('truncated', syntheticKernel().subarray(0, 700));
const short = file('short', syntheticKernel({ codeSize: 0x4000 }).subarray(0, 0x1800));
const empty = file('empty', '');
const text = file('text', 'not a kernel\n'.repeat(100));
const elf = file('elf', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1));
const odd = file('odd.img', 'x'.repeat(513));
const big = file('big', '');
truncateSync(big, 64 * 2 ** 20);

const refused = test.macro({
  exec: async (t, args: string[], status: number, ...patterns: RegExp[]) => {
    const said = await virt64(...args);
    t.is(said.status, status, said.stderr);
    t.is(said.stdout, '');
    for (const pattern of patterns) t.regex(said.stderr, pattern);
    t.notRegex(said.stderr, /internal error|\n\s+at /);
  },
  title: (_, args) =>
    (args as string[]).map(arg => arg.replace(`${folder}/`, '').slice(0, 40)).join(' ') || 'no arguments',
});

const usage = 64;
const badInput = 65;

test.serial(refused, [], usage, /Usage/);
test.serial(refused, ['runn'], usage, /no command "runn"/, /did you mean run\?/);
test.serial(refused, ['constructor'], usage, /no command/);
test.serial(refused, ['run', '--machin', 'pc'], usage, /--machin\b/, /did you mean --machine\?/);
test.serial(refused, ['run', '-smp', '2'], usage, /no option -smp/, /did you mean --smp\?/);
test.serial(refused, ['run', '-kernel=x'], usage, /no option -kernel\n/, /did you mean --kernel\?/);
test.serial(refused, ['run', '-machine', 'pc'], usage, /no option -machine\n/, /did you mean --machine\?/);
test.serial(refused, ['run', '--memory', '1G'], usage, /did you mean --mem\?/);
test.serial(refused, ['run', '-z'], usage, /no option -z\n/, /virt64 run --help/);
test.serial(refused, ['--verson'], usage, /did you mean version\?/);
test.serial(refused, ['run', '--zebra'], usage, /no option --zebra/, /virt64 run --help/);
test.serial(refused, ['run', 'kernel'], usage, /unexpected argument "kernel"/);
test.serial(refused, ['run', '--mem'], usage, /--mem/);
test.serial(refused, ['run', '-M', 'toyvrit'], usage, /did you mean toyvirt\?/);
test.serial(refused, ['run', '--accel', 'nvmm-smv'], usage, /did you mean nvmm-svm\?/);
test.serial(refused, ['run', '--accel', 'kvm'], usage, /accelerators are: nvmm-svm, nvmm-vmx, software/);
test.serial(refused, ['run', '--engine', 'jitt'], usage, /--engine/, /did you mean jit\?/);
test.serial(refused, ['run', '--clock', 'wall'], usage, /--clock/, /host, virtual/);
test.serial(refused, ['run', '--cpu', 'arm'], usage, /--cpu: "arm" is no processor/, /intel,\+avx2/);
test.serial(refused, ['run', '--cpu', 'amd,+avx3'], usage, /--cpu: .*no feature "avx3"/, /did you mean avx2?/);
test.serial(refused, ['run', '--cpu', 'amd,avx'], usage, /--cpu: .*"avx" has no sign/, /\+NAME/);
test.serial(refused, ['run', '--cpu', 'amd,+monitor'], usage, /--cpu/, /monitor/);
for (const smp of ['0', '-1', '1.5', 'two', '65', '99999999999999999999'])
  test.serial(refused, ['run', `--smp=${smp}`], usage, /--smp/);
for (const mem of ['0', '4096', '12Q', '3G5', '4G', '99999999999G', '', '-1G'])
  test.serial(refused, ['run', `--mem=${mem}`], usage, /--mem: /);
for (const timeout of ['3', 'soon', '-1s', ''])
  test.serial(refused, ['run', `--timeout=${timeout}`], usage, /--timeout/);
test.serial(refused, ['run', '--until', '('], usage, /--until/);
test.serial(refused, ['run', '-M', 'toyvirt', '--initrd', text], usage, /--initrd: machine toyvirt/, /--kernel/);
test.serial(refused, ['run', '--initrd', join(folder, 'nothing')], badInput, /--initrd: .*no such file/);
test.serial(refused, ['run', '-M', 'toyvirt', '--append', 'quiet'], usage, /--append/, /toyvirt/);

test.serial(refused, ['run', '--kernel', join(folder, 'nothing')], badInput, /--kernel: .*no such file/);
test.serial(refused, ['run', '--kernel', folder], badInput, /--kernel: .*directory/);
test.serial(refused, ['run', '--kernel', `${text}/inside`], badInput, /no such file/);
for (const path of [truncated, short, empty, text, elf, '/dev/null'])
  test.serial(refused, ['run', '--kernel', path], badInput, /--kernel: /);
test.serial(refused, ['run', '--kernel', kernel, '--initrd', folder], badInput, /--initrd: .*directory/);
test.serial(refused, ['run', '--kernel', kernel, '--initrd', empty], badInput, /--initrd: .*empty/);
test.serial(refused, ['run', '--kernel', kernel, '--initrd', big, '--mem', '48M'], badInput, /--initrd: .*fit/);
test.serial(refused, ['run', '--kernel', kernel, '--append', 'x'.repeat(5000)], usage, /--append: /);
test.serial(refused, ['run', '--kernel', kernel, '--mem', '1M'], badInput, /--mem: .*RAM/);
test.serial(refused, ['run', '--kernel', kernel, '--mem', '1'], badInput, /--mem: .*RAM/);

test.serial(
  refused,
  ['run', ...Array(29).fill(`--drive=${odd},ro`)],
  usage,
  /--drive: 29 disks are too many/,
  /at most 28/,
);
test.serial(refused, ['run', '--drive', join(folder, 'nothing')], badInput, /no such file/);
test.serial(refused, ['run', '--drive', folder], badInput, /directory/);
test.serial(refused, ['run', '--drive', `${odd},rw`], usage, /"rw"/, /FILE,ro/);
test.serial(refused, ['run', '--drive', `file=${odd},readonly=on,if=ide`], usage, /"if=ide"/, /file=FILE/);
test.serial(refused, ['run', '--drive', `file=${odd},readonly=on,format=raw,if=virtio`], badInput, /odd\.img has 513/);
test.serial(refused, ['run', '--drive', 'file=a,,b,readonly=off'], badInput, /^virt64: a,b cannot be opened/m);
test.serial(refused, ['run', '--drive', odd], badInput, /sectors/);
test.serial(refused, ['run', '--drive', `${empty},ro`], badInput, /empty/);
test.serial(refused, ['run', '-M', 'microvm', '--drive', `${kernel},ro`], usage, /--drive: .*no PCI/, /--machine pc/);

test.serial(refused, ['machines', '--plugin', './nothing.ts'], badInput, /--plugin: .*no such file/);
test.serial(refused, ['machines', '--plugin', folder], badInput, /no file/);
test.serial(refused, ['machines', '--plugin', 'no-such-package'], badInput, /neither a file nor a package/);
test.serial(refused, ['machines', '--jsn'], usage, /did you mean --json\?/);

test.serial('with --json an error is one line of JSON', async t => {
  const { status, stdout, stderr } = await virt64('run', '--json', '--accel', 'nvmm-smv');
  t.is(status, usage);
  t.is(stdout, '');
  const { kind, code, remedy } = JSON.parse(stderr.trim()) as Record<string, string>;
  t.deepEqual({ kind, code }, { kind: 'refused', code: 'unknown-component' });
  t.regex(remedy!, /nvmm-svm/);
});

test.serial('a plugin’s device that throws is named, with its file and line', async t => {
  const { status, stderr } = await virt64('run', '--plugin', './test/cli/throwing-device.ts', '--machine', 'party');
  t.is(status, badInput, stderr);
  t.regex(
    stderr,
    /devices\.cracker: device:firecracker of \S*throwing-device\.ts failed in a timer: bang at \S*throwing-device\.ts:\d+/,
  );
  t.notRegex(stderr, /internal error|\n\s+at /);
});
