/** What the guest writes: records that can be told from one another and made anew on the host. */
import type { RecordsUnit } from '../unit.ts';

export const pageSize = 4096;
/** Records of one life of the machine. */
export const most = 300;

type Content = Pick<RecordsUnit, 'tag' | 'pages' | 'how'>;

/** Of an odd length that never changes: no two pages of a record are the same. */
const line = (tag: string, life: number, record: string): string => `soak ${tag} life ${life} record ${record}.`;

export function recordBytes({ tag, pages }: Content, life: number, record: number): Buffer {
  const text = `${line(tag, life, String(record).padStart(5, '0'))}\n`;
  return Buffer.from(text.repeat(Math.ceil((pages * pageSize) / text.length))).subarray(0, pages * pageSize);
}

/** Where a record begins on a raw disk, in pages. */
export const pageOf = ({ pages }: Content, life: number, record: number): number => 16 + (life * most + record) * pages;

export const sayFlushed = /^flushed (\d+)\r?$/gm;

/** Writes each record, flushes it, and only then says so. `count`: 0 without end. */
export function recordsScript(content: Content, life: number, kept: readonly number[], count: number): string {
  const { pages, how } = content;
  const inFiles = how.startsWith('ext4');
  const bytes = `yes "${line(content.tag, life, '$(printf %05d $i)')}" | head -c ${pages * pageSize}`;
  const raw = `dd if=/tmp/record of=/dev/vda bs=${pageSize} seek=$((${pageOf(content, life, 0)} + i * ${pages}))`;
  const writes: Readonly<Record<RecordsUnit['how'], string>> = {
    'raw-fsync': `${raw} conv=fsync 2>/dev/null`,
    'raw-direct': `${raw} oflag=direct conv=fsync 2>/dev/null`,
    'ext4-fsync': `dd if=/tmp/record of=/mnt/life${life}-$i bs=${pageSize} conv=fsync 2>/dev/null`,
    'ext4-sync': `cp /tmp/record /mnt/life${life}-$i && sync`,
  };
  const readBack = kept.map((flushed, earlier) =>
    inFiles
      ? `for k in $(seq 0 ${flushed - 1}); do cat /mnt/life${earlier}-$k; done | md5sum`
      : `dd if=/dev/vda bs=${pageSize} skip=${pageOf(content, earlier, 0)} count=${flushed * pages} 2>/dev/null | md5sum`,
  );
  return `
dmesg -n 1
${inFiles ? 'mount -t ext4 /dev/vda /mnt || echo cannot mount' : ''}
${readBack.map((command, earlier) => (kept[earlier] > 0 ? `echo "kept ${earlier} $(${command})"` : '')).join('\n')}
i=0
while [ $i -lt ${count || most} ]; do
  ${bytes} >/tmp/record
  if ${writes[how]}; then echo "flushed $i"; else echo "failed $i"; fi
  i=$((i+1))
done
${inFiles ? 'umount /mnt' : ''}
dmesg | grep -E 'I/O error|EXT4-fs error|Buffer I/O' | sed 's/^/complaint /'
echo all is written`;
}
