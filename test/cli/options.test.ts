/** The table of options, as the command line, the profile and errors read it. */
import test from 'ava';
import { MachineError } from '#core';
import { parseRun } from '../../cli/arguments.ts';
import { blameOption } from '../../cli/blame.ts';
import { type Option, runOptions } from '../../cli/options.ts';

test('values are of their rows’ kinds, and defaults stand in for what is not given', t => {
  t.deepEqual({ ...parseRun([]) }, { machine: 'pc', accel: 'nvmm-svm', clock: 'host' });
  const args = ['--smp', '2', '-m', '64', '--timeout', '2s', '--until', 'a+', '--engine', 'jit', '--drive', 'a', '-q'];
  t.like(parseRun(args), {
    smp: 2,
    mem: '64M',
    timeout: 2e9,
    until: /a+/,
    engine: 'jit',
    drive: ['a'],
    quiet: true,
  });
});

test('a wrong value names its option, unless help is asked for', t => {
  for (const [option, value] of [
    ['--smp', 'two'],
    ['--timeout', 'soon'],
    ['--until', '('],
    ['--engine', 'steam'],
    ['--cpu', 'z80'],
    ['--clock', 'sun'],
  ] as const) {
    t.throws(() => parseRun([option, value]), { instanceOf: MachineError, code: 'bad-argument' }, option);
    t.is(t.throws<MachineError>(() => parseRun([option, value]))?.path, option);
    t.true(parseRun([option, value, '--help']).help, option);
  }
});

test('an error at a place of the profile names the option of that row', t => {
  for (const [name, row] of Object.entries<Option>(runOptions)) {
    if (row.type !== 'string' || !row.profile) continue;
    const given = new MachineError('bad-argument', 'wrong', { path: row.profile, remedy: 'put it right' });
    const error = t.throws<MachineError>(() => blameOption(given));
    t.like(error, { code: 'bad-argument', path: `--${name}`, remedy: 'put it right', cause: given });
  }
  const other = new MachineError('bad-argument', 'wrong', { path: 'devices.pit' });
  t.is(
    t.throws(() => blameOption(other)),
    other,
  );
});
