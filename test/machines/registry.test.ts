import test from 'ava';
import { accelerators } from '#accelerators';
import { MachineError } from '#core';
import { IsaSerial } from '#devices';
import { pc, Registry } from '#machines';

test('what is shipped is there by name', t => {
  const registry = new Registry();
  t.is(registry.profile('pc'), pc);
  t.is(registry.devices.get('isa-serial') as unknown, IsaSerial);
  for (const factory of accelerators) t.is(registry.accelerator(factory.name), factory);
});

test('registries do not share what is added to one of them', t => {
  const mine = pc.with({}, 'mine');
  const registry = new Registry();
  registry.add({ devices: new Map(), profiles: new Map([['mine', mine]]), accelerators: new Map() });
  t.is(registry.profile('mine'), mine);
  t.throws(() => new Registry().profile('mine'), { instanceOf: MachineError });
});

test('unknown names list the known ones', t => {
  const error = t.throws(() => new Registry().accelerator('kvm'), { instanceOf: MachineError })!;
  t.is(error.code, 'unknown-component');
  t.is(error.remedy, 'accelerators are: nvmm-svm, nvmm-vmx, software');
});
