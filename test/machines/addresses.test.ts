/** Devices that claim RAM, or what PCI gives away; and the map of memory that the README draws. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { address, ComponentName, Device, device, integer, Mmio, Options, type OptionsOf } from '#core';
import { Hpet, IoApic, LocalApic, PciHost } from '#devices';
import { microvm, pc, profile, toyvirt, use, validate } from '#machines';
import { highMemoryBase, lowMemoryLimit, ramRanges } from '../../machines/memory.ts';

@device('board')
class Card extends Device {
  static readonly options = { base: address(), length: integer(1, 2 ** 30).or(0x1000) };
  constructor(
    @Options { base, length }: OptionsOf<typeof Card.options>,
    @ComponentName name: string,
    @Mmio mmio: Mmio,
  ) {
    super();
    mmio.claim({ base: Number(base), length }, { name, read() {}, write() {} });
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

const withCard = (machine: typeof pc, memory: string, base: number, length = 0x1000) =>
  machine.with({ memory, devices: { card: use(Card, { base, length }) } });

test('a device over RAM is a finding with both owners and a remedy', t => {
  for (const [memory, base, length] of [
    ['64M', 0x10_0000, 0x1000],
    ['64M', 64 * 2 ** 20 - 1, 2],
    ['3.5G', 2 ** 32, 1],
    ['3.5G', 0xffff_ffff, 2],
    ['1M', 0xa_0000, 0x1000],
  ] as const) {
    const found = validate(withCard(microvm, memory, base, length));
    t.is(found.length, 1, `${memory} ${base}`);
    t.is(found[0].code, 'overlap');
    t.is(found[0].path, 'devices.card');
    t.regex(found[0].message, /^card claims addresses 0x[0-9a-f]+–0x[0-9a-f]+, which memory has at /);
    t.regex(found[0].remedy!, /outside of RAM/);
  }
  for (const [memory, base] of [
    ['64M', 64 * 2 ** 20],
    ['3G', 2 ** 32],
    ['3.5G', 0xd000_0000],
    ['3.5G', 0xfed1_0000],
  ] as const)
    t.deepEqual(validate(withCard(microvm, memory, base)), []);
});

test('a device in the window of PCI is one too, only where there is a PCI host', t => {
  const { base, size } = PciHost.memoryWindow;
  for (const place of [base, 0xd000_0000, base + size - 1]) {
    const [found, ...others] = validate(withCard(pc, '64M', place, 1));
    t.deepEqual(others, []);
    t.is(found!.path, 'devices.card');
    t.regex(found!.message, /^card .* which pci gives to PCI functions/);
    t.regex(found!.remedy!, /outside of the PCI window/);
  }
  t.deepEqual(validate(withCard(pc, '64M', 0xfed1_0000)), []);
});

test('each profile is valid with all memory sizes', t => {
  for (const machine of [pc, microvm, toyvirt])
    for (const memory of ['1M', '4M', '64M', '512M', '1G', '2G', '3G', '3.25G', '3.5G']) {
      if (machine === toyvirt && memory === '1M') continue;
      t.deepEqual(validate(machine.with({ memory })), [], `${machine.name} ${memory}`);
    }
});

test('the README’s map of memory is the code’s', t => {
  const readme = readFileSync(new URL('../../machines/README.md', import.meta.url), 'utf8');
  const row = (what: RegExp): string =>
    readme.split('\n').find(line => /^\| `[0-9a-f]{8,9}`/.test(line) && what.test(line)) ?? '';
  const hex = (value: number): string => value.toString(16).padStart(8, '0');
  const span = (base: number, size: number): string => `\`${hex(base)}\`–\`${hex(base + size - 1)}\``;
  const { base, size } = PciHost.memoryWindow;
  t.true(row(/PCI window/).includes(span(base, size)));
  t.true(row(/RAM, as far as there is/).includes(span(0, lowMemoryLimit)));
  t.true(row(/rest of RAM/).includes(`\`${hex(highMemoryBase)}\``));
  const [low, high] = ramRanges(3.5 * 2 ** 30);
  t.deepEqual([low!.base + low!.size, high!.base], [lowMemoryLimit, highMemoryBase]);
  const mapped = profile('mapped', {
    ...pc,
    devices: { ...pc.devices, lapic: use(LocalApic, {}), ioapic: use(IoApic, {}), hpet: use(Hpet, {}) },
  });
  for (const [what, place] of [
    [/local APIC/, 0xfee0_0000],
    [/I\/O APIC/, 0xfec0_0000],
    [/HPET/, 0xfed0_0000],
  ] as const) {
    t.true(row(what).includes(`\`${hex(place)}\``), String(what));
    const over = validate(mapped.with({ devices: { card: use(Card, { base: place, length: 1 }) } }));
    t.is(over.length, 1, String(what));
    t.is(over[0].code, 'overlap');
  }
});
