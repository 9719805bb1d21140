/** The completion scripts, as the shells read them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Registry } from '#machines';
import { bashScript } from '../../cli/completion/bash.ts';
import { fishScript } from '../../cli/completion/fish.ts';
import { zshScript } from '../../cli/completion/zsh.ts';
import { runOptions } from '../../cli/options.ts';
import { needs } from '../support/needs.ts';
import { virt64 } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'virt64-completion-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));
for (const [name, content] of Object.entries({
  bash: bashScript(),
  zsh: zshScript(),
  fish: fishScript(),
  bzImage: '',
  'bz two': '',
})) {
  writeFileSync(join(folder, name), content);
}

function lines(program: string, ...args: string[]): string[] {
  const { stdout, stderr, status } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0 || stderr !== '') throw new Error(`${program} ends with ${status}: ${stderr}`);
  return stdout.split('\n').filter(Boolean).sort();
}

const machines = [...new Registry().profiles.keys()].sort();
const accelerators = [...new Registry().accelerators.keys()].sort();
const longOptions = Object.keys(runOptions).map(name => `--${name}`);

/** What bash offers at the end of a line of these words. */
const bash = (...words: string[]): string[] =>
  lines(
    'bash',
    '--norc',
    '-c',
    `set -o nounset; source ./bash; complete -p virt64 > /dev/null || exit
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _virt64
    printf '%s\\n' "\${COMPREPLY[@]}"`,
    'bash',
    'virt64',
    ...words,
  );

test('bash completes commands, options, names and files', t => {
  t.deepEqual(bash('d'), ['demo', 'devices']);
  t.deepEqual(bash('help', 'a'), ['accels']);
  t.deepEqual(bash('completion', 'b'), ['bash']);
  t.deepEqual(
    longOptions.filter(option => !bash('run', '').includes(option)),
    [],
  );
  t.deepEqual(bash('run', '--acc'), ['--accel']);
  for (const option of ['-M', '--machine']) t.deepEqual(bash('run', option, ''), machines);
  t.deepEqual(bash('run', '--accel', 'nvmm-v'), ['nvmm-vmx']);
  t.deepEqual(bash('run', '--accel', '='), accelerators);
  t.deepEqual(bash('run', '--accel', '=', 's'), ['software']);
  for (const option of ['--kernel', '--initrd', '--drive'])
    t.deepEqual(bash('run', option, 'bz'), ['bz two', 'bzImage']);
  for (const option of ['--smp', '--until', '-m']) t.deepEqual(bash('run', option, ''), [], option);
  t.deepEqual(bash('nothing', ''), []);
});

needs('zsh')('zsh is told the same', t => {
  const offered = (...words: string[]): string[] =>
    lines(
      'zsh',
      '-f',
      '-c',
      `compdef() { }; _describe() { print -l -- $commands }; _arguments() { print -l -- "$@" }
      source ./zsh; words=("$@") CURRENT=$#; _virt64`,
      'zsh',
      'virt64',
      ...words,
    );
  t.true(offered('').includes('run:run a virtual machine in this terminal'));
  const specs = offered('run', '');
  t.true(
    specs.includes(`(-M --machine)--machine=[machine profile]:NAME:(${[...new Registry().profiles.keys()].join(' ')})`),
  );
  t.true(specs.includes('--kernel=[kernel]:FILE:_files'));
  t.true(specs.includes('*--drive=[raw image as a virtio disk]:FILE:_files'));
  for (const option of longOptions)
    t.true(
      specs.some(spec => spec.includes(`${option}`)),
      option,
    );
  t.deepEqual(offered('nothing', ''), []);
});

needs('fish')('fish completes commands, options, names and files', t => {
  const fish = (line: string): string[] =>
    lines('fish', '--no-config', '-c', `source ./fish; complete -C '${line}'`).map(each => each.split('\t')[0]);
  t.deepEqual(fish('virt64 d'), ['demo', 'devices']);
  t.deepEqual(fish('virt64 help a'), ['accels']);
  t.deepEqual(fish('virt64 run --acc'), ['--accel']);
  t.deepEqual(fish('virt64 run -M '), machines);
  t.deepEqual(
    fish('virt64 run --accel='),
    accelerators.map(name => `--accel=${name}`),
  );
  t.deepEqual(fish('virt64 run --kernel bz'), ['bz two', 'bzImage']);
  t.deepEqual(fish('virt64 run --smp '), []);
  t.deepEqual(
    longOptions.filter(option => !fish('virt64 run --').includes(option)),
    [],
  );
});

test.serial('the command prints the scripts, and says how they are used', async t => {
  for (const [shell, script] of Object.entries({ bash: bashScript(), zsh: zshScript(), fish: fishScript() })) {
    const { status, stdout, stderr } = await virt64('completion', shell);
    t.deepEqual([status, stdout.trimEnd(), stderr], [0, script.trimEnd(), '']);
  }
  t.regex((await virt64('completion', '--help')).stdout, /\.bashrc[\s\S]*\.zshrc[\s\S]*virt64\.fish/);
  t.like(await virt64('completion'), {
    status: 64,
    stderr: 'virt64: for which shell?\n  shells are: bash, zsh, fish\n',
  });
  t.regex(
    (await virt64('completion', 'tcsh')).stderr,
    /no completion for tcsh\n {2}(did you mean .*)?shells are: bash/,
  );
  t.regex((await virt64('completion', 'bash', 'zsh')).stderr, /unexpected argument "zsh"/);
});
