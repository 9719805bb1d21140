/** Which records an image lacks although they were flushed. */
import { createHash } from 'node:crypto';
import { pageOf, pageSize, recordBytes } from '../guest/records.ts';
import type { RecordsUnit } from '../unit.ts';

/** `kept`: for each life of the machine how many records it reported. Those in files may lie anywhere, page by page. */
export function lostRecords(
  unit: Pick<RecordsUnit, 'tag' | 'pages' | 'how'>,
  content: Buffer,
  kept: readonly number[],
): string[] {
  const inFiles = unit.how.startsWith('ext4');
  const pages = inFiles ? new Set(chunks(content).map(digest)) : undefined;
  const lost: string[] = [];
  for (const [life, count] of kept.entries())
    for (let record = 0; record < count; record++) {
      const expected = recordBytes(unit, life, record);
      const at = pageOf(unit, life, record) * pageSize;
      const isThere = pages
        ? chunks(expected).every(page => pages.has(digest(page)))
        : expected.equals(content.subarray(at, at + expected.length));
      if (!isThere) lost.push(`record ${record} of life ${life} was flushed and is lost`);
    }
  return lost;
}

const digest = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64');

const chunks = (bytes: Buffer): Buffer[] =>
  Array.from({ length: bytes.length / pageSize }, (_, n) => bytes.subarray(n * pageSize, (n + 1) * pageSize));
