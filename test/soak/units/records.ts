/** The machine is killed while its guest writes: whatever the guest said was flushed is on the disk, byte for byte. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { most, pageSize, recordBytes, recordsScript } from '../guest/records.ts';
import type { RecordsUnit, Report } from '../unit.ts';
import { live } from './life.ts';
import { lostRecords } from './lost-records.ts';

const imageSize = 32 << 20;
const lastRecords = 5;
const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

export async function runRecords(given: RecordsUnit): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'virt64-soak-'));
  const image = join(folder, 'disk.img');
  try {
    await writeFile(image, '');
    await truncate(image, imageSize);
    // Without mkfs.ext4 the records go to the disk itself.
    const formatted = !given.how.startsWith('ext4') || spawnSync('mkfs.ext4', ['-q', '-b', '4096', image]).status === 0;
    return await lives(formatted ? given : { ...given, how: 'raw-fsync' }, image);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function lives(unit: RecordsUnit, image: string): Promise<Report> {
  const failures: string[] = [];
  const kept: number[] = [];
  let log = '';
  let verified = 0;
  for (const [life, end] of [...unit.ends, undefined].entries()) {
    const each = await live(unit, image, recordsScript(unit, life, kept, end ? 0 : lastRecords), end);
    const { flushed } = each;
    log += `--- life ${life}, ${end ? `${end.signal} after ${end.after} records` : 'to its end'}\n${each.log}`;
    const fail = (what: string): void => void failures.push(`life ${life}: ${what}`);
    each.failures.forEach(fail);
    for (const complaint of each.log.match(/^(failed|complaint|cannot mount).*$/gm) ?? []) fail(complaint.trim());
    for (const [earlier, count] of kept.entries()) {
      if (count === 0 || flushed === 0) continue;
      const expected = md5(Buffer.concat(Array.from({ length: count }, (_, n) => recordBytes(unit, earlier, n))));
      if (!each.log.includes(`kept ${earlier} ${expected}`)) fail(`the guest reads other records of life ${earlier}`);
    }
    kept.push(flushed);
    const lost = lostRecords(unit, readFileSync(image), kept);
    failures.push(...lost.map(what => `after life ${life}: ${what}`));
    verified += kept.reduce((sum, count) => sum + count, 0) * unit.pages * pageSize;
    if (!end && (each.status !== 0 || flushed !== lastRecords))
      fail(`ended with status ${each.status} after ${flushed} of ${lastRecords} records`);
    if (end && flushed < end.after && flushed < most) fail(`ended by itself after ${flushed} records`);
  }
  const flushed = kept.reduce((sum, count) => sum + count, 0) * unit.pages * pageSize;
  const killed = unit.ends.filter(({ signal }) => signal === 'SIGKILL').length;
  const counts = {
    kills: killed,
    terms: unit.ends.length - killed,
    'bytes flushed': flushed,
    'bytes verified': verified,
  };
  return { failures, log, counts };
}
