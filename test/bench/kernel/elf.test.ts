import test from 'ava';
import { elf } from '../../../bench/kernel/elf.ts';
import { image } from '../../../bench/kernel/image.ts';
import { layout } from '../../../bench/kernel/layout.ts';
import { integer } from '../../../bench/kernel/workloads/integer.ts';
import { parseElf, SegmentType } from '../../../machines/boot/elf-header.ts';
import { pvhEntryOf } from '../../../machines/boot/pvh.ts';

test('a loader finds the segment and the PVH entry', t => {
  const bytes = Uint8Array.of(0x90, 0xf4);
  const file = elf({ address: 0x10_0000, bytes, entry: 0x10_0001 });
  const parsed = parseElf(file);
  const [load] = parsed.segments.filter(({ type }) => type === SegmentType.Load);
  t.is(parsed.bits, 64);
  t.is(load?.physicalAddress, 0x10_0000);
  t.deepEqual(file.subarray(load?.offset, load!.offset + load!.fileSize), bytes);
  t.is(pvhEntryOf(file, parsed), 0x10_0001);
});

test('the kernel ends below its tables', t => {
  const { segments } = parseElf(image(integer, 1));
  for (const { physicalAddress, memorySize } of segments) t.true(physicalAddress + memorySize <= layout.level4);
});
