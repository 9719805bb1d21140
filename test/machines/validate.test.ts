/** Mistakes in profiles are found before power-on, and named by their path. */
import test from 'ava';
import { type ErrorCode, MachineError, MemoryDisk } from '#core';
import { DebugConsole, IoApic, IsaSerial, PciHost, VirtioBlock } from '#devices';
import {
  build,
  type DeviceUse,
  type Finding,
  microvm,
  type ProfileDifference,
  pc,
  Registry,
  use,
  validate,
} from '#machines';

for (const profile of new Registry().profiles.values()) {
  test(`the shipped profile ${profile.name} is sound`, t => t.deepEqual(validate(profile), []));
}

/** Written by hand, without a compiler's help. */
const careless = (type: unknown, options: object): DeviceUse => ({ type, options }) as DeviceUse;

const finds = test.macro(async (t, difference: object, path: string, code: ErrorCode, pattern: RegExp) => {
  const profile = pc.with(difference as ProfileDifference);
  const findings = validate(profile);
  const found = findings.find(finding => finding.path === path) as Finding;
  t.truthy(found, JSON.stringify(findings));
  t.is(found.code, code);
  t.regex(`${found.message} ${found.remedy}`, pattern);
  const error = await t.throwsAsync(build(profile), { instanceOf: MachineError });
  t.is(error?.path, findings[0]?.path);
  t.is(error?.message.split(`${error.path}:`).length, 2, 'the path is named once');
});

const com2 = (options: object) => ({ devices: { com2: careless(IsaSerial, options) } });

test(
  'a wire that leads nowhere',
  finds,
  com2({ port: 0x2f8, irq: 'isaa@3' }),
  'devices.com2.irq',
  'dangling-wire',
  /isaa@3/,
);
test(
  'a pin that its controller has not',
  finds,
  com2({ port: 0x2f8, irq: 'isa@99' }),
  'devices.com2.irq',
  'dangling-wire',
  /isa@99/,
);
test(
  'a wire in a list',
  finds,
  { devices: { pci: use(PciHost, { irqs: ['ioapic@16', 'ioapic@17', 'nowhere@1', 'ioapic@19'] }) } },
  'devices.pci.irqs',
  'dangling-wire',
  /nowhere@1/,
);
test('overlapping ports', finds, com2({ port: 0x3fc, irq: 'isa@3' }), 'devices.com2', 'overlap', /com1/);
test('a misspelt option', finds, com2({ prot: 0x2f8 }), 'devices.com2.prot', 'bad-option', /port, irq/);
test('an option of the wrong type', finds, com2({ port: '0x2f8' }), 'devices.com2.port', 'bad-option', /a port/);
test('an option out of range', finds, com2({ port: 0x1_0000 }), 'devices.com2.port', 'bad-option', /65536/);
test(
  'a missing option',
  finds,
  { devices: { disk: careless(VirtioBlock, { slot: '00:05.0' }) } },
  'devices.disk.disk',
  'bad-option',
  /missing.*a disk/,
);
test(
  'an occupied slot',
  finds,
  { devices: { disk: use(VirtioBlock, { slot: '00:02.0', disk: new MemoryDisk(new Uint8Array(512)) }) } },
  'devices.disk.slot',
  'overlap',
  /00:02\.0|rng/,
);
test('overlapping addresses', finds, { devices: { second: use(IoApic, {}) } }, 'devices.second', 'overlap', /ioapic/);
test('too little memory', finds, { memory: 4096 }, 'memory', 'bad-option', /4096 bytes/);
test('no size', finds, { memory: 'much' }, 'memory', 'bad-option', /"much"/);
test('too many processors', finds, { processors: 65 }, 'processors', 'bad-profile', /1 to 64/);
test('half a processor', finds, { processors: 1.5 }, 'processors', 'bad-profile', /1\.5/);
test('an unknown processor', finds, { cpu: 'via' }, 'cpu', 'bad-profile', /amd/);
test('an unknown clock', finds, { clock: 'sundial' }, 'clock', 'bad-profile', /virtual/);
test('a misspelt console', finds, { console: 'com11' }, 'console', 'bad-profile', /did you mean com1\?/);

test('every mistake is reported, not just the first', t => {
  const findings = validate(
    microvm.with({
      devices: {
        com2: careless(IsaSerial, { port: 0x3f8 }),
        com3: careless(IsaSerial, { prot: 1 }),
        debug: careless(DebugConsole, { port: -1 }),
      },
    }),
  );
  t.deepEqual(
    findings.map(({ path }) => path),
    ['devices.com2', 'devices.com3.prot', 'devices.debug.port'],
  );
});

test('validating touches nothing: what a disk holds, what was typed', t => {
  const typed: Uint8Array[] = [];
  const stream = { write: () => t.fail(), onInput: (listener: (data: Uint8Array) => void) => typed.forEach(listener) };
  const disk = new MemoryDisk(new Uint8Array(1024));
  const profile = pc.with({
    devices: {
      com2: use(IsaSerial, { port: 0x2f8, irq: 'isa@3', stream }),
      disk: use(VirtioBlock, { slot: '00:05.0', disk }),
    },
  });
  const before = JSON.stringify(profile);
  t.deepEqual(validate(profile), []);
  t.deepEqual(validate(profile), []);
  t.is(JSON.stringify(profile), before);
});
