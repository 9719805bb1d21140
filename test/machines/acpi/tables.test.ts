import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { buffer, concatenate, device, eisaId, method, name, returns, scope } from '../../../machines/acpi/aml.ts';
import { dsdt } from '../../../machines/acpi/dsdt.ts';
import { fadt } from '../../../machines/acpi/fadt.ts';
import { madt } from '../../../machines/acpi/madt.ts';
import type { AcpiOptions } from '../../../machines/acpi/options.ts';
import { table } from '../../../machines/acpi/table.ts';
import { acpiImage } from '../../../machines/acpi/tables.ts';
import { needs } from '../../support/needs.ts';

const options: AcpiOptions = {
  processors: [0, 1],
  pci: {
    window: { base: 0xc000_0000, size: 0x3ec0_0000 },
    highWindow: { base: 0x1_0000_0000, size: 0x1_0000_0000 },
    ecam: 0xb000_0000,
    interrupts: [16, 17, 18, 19],
    legacyInterrupts: [10, 11, 10, 11],
  },
  serial: [
    { port: 0x3f8, irq: 4 },
    { port: 0x2f8, irq: 20 },
  ],
  rtc: { port: 0x70, irq: 8 },
  ps2: { data: 0x60, command: 0x64, keyboardIrq: 1, mouseIrq: 12 },
  powerManagement: { port: 0x600, sci: 9, timerBits: 24, resetPort: 0xcf9 },
  hpet: { base: 0xfed0_0000, capabilities: 0x8086_8201, minimumPeriod: 100 },
};

const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => (total + byte) & 0xff, 0);

test('a guest that follows the pointers finds every table, with its checksum right', t => {
  const base = 0xe_0000;
  const image = acpiImage(base, options);
  const view = new DataView(image.buffer);
  const signature = (at: number) => new TextDecoder().decode(image.subarray(at, at + 4));
  const address = (at: number) => Number(view.getBigUint64(at, true)) - base;
  t.is(sum(image.subarray(0, 20)), 0);
  t.is(sum(image.subarray(0, 36)), 0);
  const xsdt = address(24);
  const length = (at: number) => view.getUint32(at + 4, true);
  const count = (length(xsdt) - 36) / 8;
  const tables = Array.from({ length: count }, (_, index) => address(xsdt + 36 + index * 8));
  const [fixed] = tables as [number];
  const differentiated = address(fixed + 0x8c);
  t.is(view.getUint32(fixed + 0x28, true) - base, differentiated);
  t.deepEqual([...tables, differentiated].map(signature), ['FACP', 'APIC', 'HPET', 'MCFG', 'DSDT']);
  for (const at of [xsdt, ...tables, differentiated]) t.is(sum(image.subarray(at, at + length(at))), 0, signature(at));
  const facs = view.getUint32(fixed + 0x24, true) - base;
  t.is(signature(facs), 'FACS');
  t.is((facs + base) % 64, 0);
});

test('EISA identifiers are packed as the specification packs them', t => {
  t.is(eisaId('PNP0A03'), 0x030a_d041);
  t.is(eisaId('PNP0501'), 0x0105_d041);
});

test('lengths of every size count themselves', t => {
  for (const size of [
    0, 1, 57, 58, 59, 60, 61, 62, 63, 64, 253, 254, 255, 256, 4085, 4088, 4089, 4090, 4091, 4092, 4093, 4094, 70_000,
  ]) {
    const [opcode, lead, ...rest] = buffer(new Uint8Array(size));
    t.is(opcode, 0x11);
    const extra = lead! >> 6;
    const length =
      extra === 0 ? lead! : rest.slice(0, extra).reduce((sum, byte, n) => sum + byte * 2 ** (4 + 8 * n), lead! & 15);
    t.is(length, 1 + rest.length, `${size}`);
    t.is(lead! & 0x30, extra === 0 ? lead! & 0x30 : 0, `${size}`);
    // No longer than it must be.
    t.is(extra, length < 0x40 ? 0 : length < 0x1000 ? 1 : 2, `${size}`);
  }
});

test('the MADT: SCI is level triggered, and an APIC that a byte cannot name is an x2APIC', t => {
  const bytes = madt({ ...options, processors: [0, 254, 255] });
  const entries: number[][] = [];
  for (let at = 0x2c; at < bytes.length; at += bytes[at + 1]) entries.push([...bytes.subarray(at, at + bytes[at + 1])]);
  t.deepEqual(
    entries.filter(([type]) => type === 0),
    [
      [0, 8, 0, 0, 1, 0, 0, 0],
      [0, 8, 1, 254, 1, 0, 0, 0],
    ],
  );
  t.deepEqual(
    entries.filter(([type]) => type === 9),
    [[9, 16, 0, 0, 255, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]],
  );
  t.deepEqual(
    entries.filter(([type]) => type === 2),
    [
      [2, 10, 0, 0, 2, 0, 0, 0, 0, 0],
      [2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0],
    ],
  );
});

const iaslTest = needs('iasl');

/** Intel's compiler reads the table back and compiles its own reading again; both must be free of errors. */
const agrees = test.macro((t, signature: string, bytes: Uint8Array, patterns: readonly RegExp[]) => {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-acpi-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, `${signature}.aml`);
  writeFileSync(file, bytes);
  const read = spawnSync('iasl', ['-d', file], { cwd: folder, encoding: 'utf8' });
  t.is(read.status, 0, read.stderr);
  t.notRegex(read.stdout + read.stderr, /error|warning|invalid|incorrect/i);
  const source = readFileSync(join(folder, `${signature}.dsl`), 'utf8');
  for (const pattern of patterns) t.regex(source, pattern);
  const compiled = spawnSync('iasl', ['-p', join(folder, 'again'), join(folder, `${signature}.dsl`)], {
    cwd: folder,
    encoding: 'utf8',
  });
  t.is(compiled.status, 0, compiled.stdout + compiled.stderr);
  t.regex(compiled.stdout, /0 Errors/);
  t.deepEqual(new Uint8Array(readFileSync(join(folder, 'again.aml'))).slice(36), bytes.slice(36));
});

iaslTest('DSDT', agrees, 'dsdt', dsdt(options), [
  /Name \(\\?_S5, Package/,
  /EisaId \("PNP0A08"\)/,
  /EisaId \("PNP0501"\)/,
  /Device \(COM2\)/,
  /Name \(APIR, [^{]*\{(\s+Package[^}]*\},){4}\s+Package \(0x04\)\s+\{\s+0x0001FFFF,\s+Zero,\s+Zero,\s+0x11/,
  /Name \(PICR, [^{]*\{(\s+Package[^}]*\},){4}\s+Package \(0x04\)\s+\{\s+0x0001FFFF,\s+Zero,\s+Zero,\s+0x0B/,
  /Method \(_PIC, 1, NotSerialized\)[^{]*\{\s+\\?PICM = Arg0/,
  /If \(\\?PICM\)\s+\{\s+Return \(APIR\)[^}]*\}\s+Return \(PICR\)/,
  /Interrupt \(ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, \)\s+\{\s+0x00000014,/,
  /EisaId \("PNP0303"\)/,
]);

const apicOnly = { window: { base: 0xc000_0000, size: 0x3ec0_0000 }, interrupts: [16, 17, 18, 19] };
iaslTest('a DSDT whose PCI interrupts only I/O APICs have', agrees, 'dsdt', dsdt({ processors: [0], pci: apicOnly }), [
  /Name \(_PRT, Package/,
]);

iaslTest('the smallest DSDT', agrees, 'dsdt', dsdt({ processors: [0] }), [/Device \(C000\)/]);

const terms = concatenate(
  name('LONG', Array(30).fill('x'.repeat(150))),
  name('HUGE', 0x12_3456_789a),
  scope('_SB', device('DEV0', method('_STA', 0, returns(0xf)))),
  scope('_SB.DEV0', name('DATA', [0, 1, 255, 256, 65536, 'text', [2]])),
);
const termsTable = table('DSDT', 2, 36 + terms.length, ({ bytes }) => bytes.set(terms, 36));

iaslTest('terms of every length', agrees, 'dsdt', termsTable, [
  /Name \(HUGE, 0x000000123456789A\)/,
  /Method \(_STA, 0, NotSerialized\)/,
  /Return \(0x0F\)/,
  /Scope \(\\?_SB\.DEV0\)|Scope \(DEV0\)/,
]);

iaslTest('FADT', agrees, 'facp', fadt(options, { facs: 0xe_0040, dsdt: 0xe_0080 }), [
  /SCI Interrupt : 0009/,
  /Asl Compiler Revision : 00000001/,
  /Oem Revision : 00000001/,
  /PM1A Event Block Address : 00000600/,
  /PM1A Control Block Address : 00000604/,
  /PM Timer Block Address : 00000608/,
  /Reset Register Supported \(V2\) : 1/,
  /Address : 0000000000000CF9/,
  /Value to cause reset : 06/,
  /Power Button \(V1\) : 0/,
  /32-bit PM Timer \(V1\) : 0/,
  /CMOS RTC Not Present \(V5\) : 0/,
  /Hardware Reduced \(V5\) : 0/,
]);

const elsewhere = { processors: [0], powerManagement: { port: 0xb000, sci: 20, timerBits: 32, resetPort: 0x64 } };
iaslTest(
  'a FADT says what the power device is like',
  agrees,
  'facp',
  fadt(elsewhere, { facs: 0xe_0040, dsdt: 0xe_0080 }),
  [
    /SCI Interrupt : 0014/,
    /PM Timer Block Address : 0000B008/,
    /32-bit PM Timer \(V1\) : 1/,
    /Reset Register : (?:.*\n){5}.*Address : 0000000000000064/,
    /8042 Present on ports 60\/64 \(V2\) : 0/,
    /CMOS RTC Not Present \(V5\) : 1/,
  ],
);

iaslTest('without a power device', agrees, 'facp', fadt({ processors: [0] }, { facs: 0xe_0040, dsdt: 0xe_0080 }), [
  /PM1A Event Block Address : 00000000/,
  /Reset Register Supported \(V2\) : 0/,
  /Hardware Reduced \(V5\) : 1/,
]);

const secondIoApic = [
  { id: 1, base: 0xfec0_0000, firstInterrupt: 0 },
  { id: 2, base: 0xfec0_1000, firstInterrupt: 24 },
];
iaslTest('a MADT of two I/O APICs', agrees, 'apic', madt({ processors: [0], ioApics: secondIoApic }), [
  /I\/O Apic ID : 01\n(?:.*\n)*.*Address : FEC00000\n.*Interrupt : 00000000/,
  /I\/O Apic ID : 02\n(?:.*\n)*.*Address : FEC01000\n.*Interrupt : 00000018/,
]);

iaslTest('MADT', agrees, 'apic', madt({ processors: [0, 1, 300] }), [
  /Local Apic Address : FEE00000/,
  /Local Apic ID : 01/,
  /Processor x2Apic ID : 0000012C/,
  /Interrupt : 00000002/,
  /Interrupt Input LINT : 01/,
]);
