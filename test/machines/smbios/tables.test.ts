import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { amd, intel } from '#core';
import { type SmbiosOptions, smbiosImage } from '../../../machines/smbios/tables.ts';
import { needs } from '../../support/needs.ts';

/** What dmidecode reads out of a dump, which has the entry point first. */
function read(folder: string, options: SmbiosOptions): string {
  const file = join(folder, 'dump');
  writeFileSync(file, smbiosImage(0, options));
  const { status, stdout, stderr } = spawnSync('dmidecode', ['--from-dump', file], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout + stderr;
}

const small = { product: 'pc', processors: 1, cpu: amd(), memory: 2 ** 20 };

needs('dmidecode')('dmidecode reads the tables without a complaint', t => {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-smbios-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const text = read(folder, { product: 'casino', processors: 2, cpu: amd({ processors: 2 }), memory: 3.5 * 2 ** 30 });
  t.notRegex(text, /broken|bad|wrong|truncated|<OUT OF SPEC>|not match/i);
  for (const line of [
    'SMBIOS 2.8 present.',
    '11 structures occupying',
    'Handle 0x0000, DMI type 0, 24 bytes',
    'Release Date: 01/01/2026',
    'System is a virtual machine',
    'Handle 0x0100, DMI type 1, 27 bytes',
    'Manufacturer: virt64',
    'Product Name: casino',
    'Handle 0x0300, DMI type 3, 22 bytes',
    'Handle 0x0401, DMI type 4, 42 bytes',
    'Socket Designation: CPU 1',
    'Manufacturer: AuthenticAMD',
    'ID: 10 0F 83 00',
    'Version: virt64 AMD64 processor',
    'Current Speed: 1000 MHz',
    'Status: Populated, Enabled',
    'Maximum Capacity: 3584 MB',
    'Size: 3584 MB',
    'Ending Address: 0x000BFFFFFFF',
    'Starting Address: 0x00100000000',
    'Ending Address: 0x0011FFFFFFF',
    'Status: No errors detected',
    'End Of Table',
  ])
    t.true(text.includes(line), `${line} in:\n${text}`);
  t.regex(read(folder, { ...small, cpu: intel() }), /Version: virt64 Intel64 processor\n/);
  t.regex(read(folder, { ...small, memory: 2 ** 20 + 4096 }), /Size: 1028 kB\n/);
  t.regex(read(folder, { ...small, memory: 100 * 2 ** 20 + 4096 }), /Size: 100 MB\n/);
});
