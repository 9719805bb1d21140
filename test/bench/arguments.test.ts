import test from 'ava';
import { caseNames, parseArguments } from '../../bench/arguments.ts';

test('everything by default', t => {
  const options = parseArguments([]);
  t.deepEqual([...options.only], [...caseNames]);
  t.is(options.repetitions, 3);
  t.true(options.qemu);
  t.is(options.accelerators, undefined);
});

test('lists are separated by commas', t => {
  const { only, accelerators, engines } = parseArguments([
    '--only',
    'integer,boot',
    '--accel',
    'nvmm-vmx',
    '--engine',
    'jit',
  ]);
  t.deepEqual([...only], ['integer', 'boot']);
  t.deepEqual(accelerators, ['nvmm-vmx']);
  t.deepEqual(engines, ['jit']);
});

const refuses = test.macro((t, ...given: string[]) => {
  t.throws(() => parseArguments(given), { name: 'MachineError', code: 'bad-argument' });
});
test('refuses an unknown case', refuses, '--only', 'everything');
test('refuses an unknown accelerator', refuses, '--accel', 'kvm');
test('refuses no repetitions', refuses, '--repeat', '0');
test('refuses half a repetition', refuses, '--repeat', '1.5');
test('refuses an unknown option', refuses, '--fast');
