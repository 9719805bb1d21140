import test from 'ava';
import type { CaseResult, Result } from '../../bench/case.ts';
import { bootTable, latencyTable, residentTable, speedTable, table } from '../../bench/table.ts';

const seconds = (...samples: [number, number]): Result => ({
  least: samples[0],
  median: samples[1],
  samples,
  peakMemory: 300 * 2 ** 20,
});

const integer: CaseResult = {
  name: 'integer',
  description: '',
  instructions: 100_000_000,
  results: { qemu: seconds(0.1, 0.125), ours: seconds(0.4, 0.5), broken: { failure: 'no engine' } },
};

test('columns are as wide as their widest cell', t => {
  t.is(table(['a', 'bb'], [['long', '1']]), ['| a    | bb |', '|------|---:|', '| long |  1 |'].join('\n'));
});

test('speed in MIPS and as a multiple of the reference', t => {
  const [, , row] = speedTable([integer], 'qemu').split('\n');
  t.deepEqual(
    row?.split('|').map(cell => cell.trim()),
    ['', 'integer', '1000 / 800', '250 / 200 (0.25)', 'failed', ''],
  );
});

test('speed without a reference', t => {
  const { qemu, ...others } = integer.results;
  const [, , row] = speedTable([{ ...integer, results: others }], 'qemu').split('\n');
  t.true(qemu && row?.includes('| 250 / 200 |'), row);
});

test('microseconds of one operation', t => {
  const exits: CaseResult = { ...integer, operations: { name: 'exit', count: 50_000 } };
  const [, , row] = latencyTable([exits]).split('\n');
  t.deepEqual(
    row?.split('|').map(cell => cell.trim()),
    ['', 'exit', '2', '8', 'failed', ''],
  );
});

test('booting: seconds, ratio and memory', t => {
  const [, , qemu, ours] = bootTable(integer, 'qemu').split('\n');
  t.deepEqual(
    qemu?.split('|').map(cell => cell.trim()),
    ['', 'qemu', '0.1', '0.125', '', '300', ''],
  );
  t.deepEqual(
    ours?.split('|').map(cell => cell.trim()),
    ['', 'ours', '0.4', '0.5', '0.25', '300', ''],
  );
});

test('memory beyond what the guest has touched', t => {
  const [, , row] = residentTable({ ...integer, touched: 248 * 2 ** 20 }).split('\n');
  t.deepEqual(
    row?.split('|').map(cell => cell.trim()),
    ['', 'qemu', '300', '52', ''],
  );
});
