import test from 'ava';
import { IsaSerial } from '#devices';
import { microvm, pc, use } from '#machines';

test('a variant is its parent and a difference; the parent stays what it is', t => {
  const variant = microvm.with(
    { memory: '1 GiB', devices: { com2: use(IsaSerial, { port: 0x2f8, irq: 'isa@3' }) } },
    'two',
  );
  t.is(variant.name, 'two');
  t.is(variant.memory, '1 GiB');
  t.is(variant.processors, microvm.processors);
  t.deepEqual(Object.keys(variant.devices), [...Object.keys(microvm.devices), 'com2']);
  t.false('com2' in microvm.devices);
  t.is(microvm.memory, '256 MiB');
});

test('a device is replaced by its name, and taken away by undefined', t => {
  const variant = pc.with({ devices: { rng: undefined, com1: use(IsaSerial, { port: 0x2f8, irq: 'isa@3' }) } });
  t.is(variant.name, 'pc');
  t.false('rng' in variant.devices);
  t.deepEqual(variant.devices.com1?.options, { port: 0x2f8, irq: 'isa@3' });
});

test('variants of variants', t => {
  const twice = pc.with({ processors: 2 }).with({ memory: '1G' });
  t.is(twice.processors, 2);
  t.is(twice.memory, '1G');
});
