/** Mistakes in profiles are found before power-on, and named by their path. */
import test from 'ava';
import { amd, device as component, Device, type ErrorCode, intel, MachineError, MemoryDisk, Msrs } from '#core';
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

@component('type-ranges')
class TypeRanges extends Device {
  static readonly options = {};
  constructor(@Msrs msrs: Msrs) {
    super();
    msrs.claim({ base: 0xfe, length: 1 }, { name: 'type ranges', read: () => 0n, write: () => false });
  }
  reset(): void {}
  save() {
    return { version: 1 };
  }
  restore(): void {}
  inspect() {
    return {};
  }
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
test('what a triple fault does', finds, { tripleFault: 'explode' }, 'tripleFault', 'bad-profile', /reset/);
test('a misspelt console', finds, { console: 'com11' }, 'console', 'bad-profile', /did you mean com1\?/);

const device = (com2: unknown) => ({ devices: { com2 } });
const boot = (source: unknown) => ({ boot: source });
const raw = (options: object) => boot({ kind: 'raw', image: new Uint8Array(4), options });

/** What a program without types may say. */
const shapes: readonly (readonly [title: string, difference: object, path: string, pattern: RegExp])[] = [
  ['a device that is none', device(5), 'devices.com2', /5 is no device.*use\(/],
  ['a device that is null', device(null), 'devices.com2', /null is no device/],
  ['a device without class', device({ options: {} }), 'devices.com2.type', /undefined is no device class/],
  ['the name of a class', device(careless('isa-serial', {})), 'devices.com2.type', /'isa-serial'/],
  ['a class that is no device', device(careless(class Toaster {}, {})), 'devices.com2.type', /Toaster/],
  ['no options', device({ type: IsaSerial }), 'devices.com2.options', /no options/],
  ['options in a list', device({ type: IsaSerial, options: [] }), 'devices.com2.options', /no options/],
  ['no processors', { processors: 0 }, 'processors', /0 processors.*1 to 64/],
  ['processors as text', { processors: '2' }, 'processors', /'2'/],
  ['no processor model', { cpu: null }, 'cpu', /null/],
  ['half a processor model', { cpu: { leaves: [] } }, 'cpu', /CpuModel/],
  ['no clock', { clock: undefined }, 'clock', /undefined/],
  ['no console', { console: undefined }, 'console', /com1/],
  ['a console that cannot talk', { console: 'rtc' }, 'console', /rtc is no device to talk to/],
  ['ACPI or not', { acpi: 'yes' }, 'acpi', /'yes'/],
  ['absent ports that are none', { absent: null }, 'absent', /null/],
  ['a misspelt part', { memroy: '1G' }, 'memroy', /did you mean memory\?/],
  ['nothing to boot', boot(5), 'boot', /5 is nothing/],
  ['an unknown kind of boot', boot({ kind: 'floppy' }), 'boot.kind', /'floppy'.*raw/],
  ['a kernel that is not there', boot({ kind: 'kernel' }), 'boot.kernel', /contents of the file/],
  ['the name of a kernel', boot({ kind: 'kernel', kernel: 'vmlinuz' }), 'boot.kernel', /'vmlinuz'/],
  ['the name of an initrd', boot({ kind: 'kernel', kernel: new Uint8Array(4), initrd: 'x' }), 'boot.initrd', /'x'/],
  [
    'a seed that is none',
    boot({ kind: 'kernel', kernel: new Uint8Array(4), randomSeed: 1 }),
    'boot.randomSeed',
    /1 is/,
  ],
  ['no command line', boot({ kind: 'kernel', kernel: new Uint8Array(4), commandLine: 7 }), 'boot.commandLine', /7/],
  ['a raw image that is not there', boot({ kind: 'raw' }), 'boot.image', /Uint8Array/],
  ['an unknown mode', raw({ mode: 'unreal' }), 'boot.options.mode', /'unreal'/],
  ['an address that is none', raw({ address: -1 }), 'boot.options.address', /-1/],
  ['an entry that is none', raw({ entry: 1.5 }), 'boot.options.entry', /1\.5/],
  ['a stack that is none', raw({ stack: 'high' }), 'boot.options.stack', /'high'/],
];
for (const [title, difference, path, pattern] of shapes) test(title, finds, difference, path, 'bad-profile', pattern);

for (const [memory, pattern] of [
  [Number.NaN, /NaN is no size/],
  [{}, /is no size/],
  ['999999999999999999999G', /is no size/],
  ['1.3K', /is no size/],
  [-4096, /3\.5 GiB/],
  [2 ** 20 - 4096, /1 MiB to 3\.5 GiB/],
  [2 ** 20 + 1, /whole pages/],
  ['3585 MiB', /3\.5 GiB/],
  ['64G', /3\.5 GiB/],
] as const)
  test(`no memory: ${JSON.stringify(memory)}`, finds, { memory }, 'memory', 'bad-option', pattern);

test('memory from the least to the most that there can be', t => {
  for (const memory of [2 ** 20, '1M', '64 MiB', '1.5G', '3.5 GiB', '3584 MiB', 3.5 * 2 ** 30])
    t.deepEqual(validate(pc.with({ memory })), [], `${memory}`);
});

test('processors from one to the most that there can be', t => {
  for (const processors of [1, 64]) t.deepEqual(validate(pc.with({ processors })), [], `${processors}`);
});

test('a processor model of one’s own', t => {
  t.deepEqual(validate(pc.with({ cpu: intel({ virtualization: true }) })), []);
});

test('a processor model has as many processors as the machine', t => {
  const [finding] = validate(pc.with({ cpu: intel({ processors: 2 }) }));
  t.like(finding, {
    path: 'processors',
    code: 'bad-profile',
    message: 'the model intel is of 2 processors, and the machine has 1',
  });
  t.regex(finding!.remedy!, /processors: 1/);
  t.deepEqual(validate(pc.with({ cpu: intel({ processors: 2 }), processors: 2 })), []);
});

test('a processor announces no registers that the board does not have', t => {
  const cpu = amd({ also: ['mtrr', 'mca'] });
  t.deepEqual(
    validate(pc.with({ cpu })).map(({ path, code, message }) => [path, code, message]),
    [
      ['cpu', 'bad-profile', 'the model amd has mtrr, and no device has MSR 0xfe'],
      ['cpu', 'bad-profile', 'the model amd has mca, and no device has MSR 0x179'],
    ],
  );
  const registers = use(TypeRanges, {});
  t.deepEqual(validate(pc.with({ cpu: amd({ also: ['mtrr'] }), devices: { registers } })), []);
});

test('wires are looked for where all devices are sound', t => {
  const findings = validate(
    pc.with({
      devices: {
        com2: careless(IsaSerial, { port: 0x2f8, irq: 'nowhere@1' }),
        com3: careless(IsaSerial, { port: -1 }),
      },
    }),
  );
  t.deepEqual(
    findings.map(({ path }) => path),
    ['devices.com3.port'],
  );
});

test(
  'two I/O APICs of one name to the processors',
  finds,
  { devices: { second: use(IoApic, { base: 0xfec0_1000 }) } },
  'devices.second.id',
  'bad-profile',
  /id 0 .*of its own/,
);

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
  const stream = { write: () => t.fail(), onInput: () => t.fail() };
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
