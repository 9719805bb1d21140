import test from 'ava';
import { MachineError } from '#core';
import { help, parseArguments } from './arguments.ts';
import { guests } from './guests.ts';

test('all guests everywhere, unless told otherwise', t => {
  const options = parseArguments([]);
  t.is(options.only.length, guests.length);
  t.deepEqual(options.clocks, ['host', 'virtual']);
  t.is(options.minutes, 10);
});

test('a part', t => {
  const options = parseArguments([
    '--only',
    'rdtsc,lock',
    '--accel',
    'software',
    '--clock',
    'virtual',
    '--minutes',
    '0.5',
  ]);
  t.deepEqual(options.only, ['rdtsc', 'lock']);
  t.deepEqual(options.accelerators, ['software']);
  t.deepEqual(options.clocks, ['virtual']);
  t.is(options.minutes, 0.5);
});

for (const given of [['--only', 'nobody'], ['--accel', 'kvm'], ['--clock', 'lunar'], ['--minutes', '-1'], ['--what']]) {
  test(`refuses ${given.join(' ')}`, t => {
    t.throws(() => parseArguments(given), { instanceOf: MachineError });
  });
}

test('the help names every guest, and no two have one name', t => {
  for (const { name } of guests) t.true(help.includes(`  ${name} `), name);
  t.is(new Set(guests.map(({ name }) => name)).size, guests.length);
});
