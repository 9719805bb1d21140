/** That the soak would see what it looks for: its parts, given what is wrong. */
import test from 'ava';
import { MemoryDisk } from '#core';
import { parseArguments } from './arguments.ts';
import { pageSize, recordBytes } from './guest/records.ts';
import { Ledger } from './ledger.ts';
import { isLeak, seriesOf } from './memory.ts';
import { unitOf } from './plan.ts';
import { judge } from './units/clock.ts';
import { lostRecords } from './units/lost-records.ts';
import { VolatileDisk } from './units/volatile-disk.ts';

test('a seed and a number are always the same unit, and all kinds come', t => {
  const units = Array.from({ length: 200 }, (_, number) => unitOf(7, number));
  t.deepEqual(
    Array.from({ length: 200 }, (_, number) => unitOf(7, number)),
    units,
  );
  t.notDeepEqual(unitOf(8, 5), unitOf(7, 5));
  t.is(new Set(units.map(({ kind }) => kind)).size, 5);
  t.is(new Set(units.flatMap(unit => ('configuration' in unit ? [JSON.stringify(unit.configuration)] : []))).size, 8);
  for (const kind of ['boot', 'moves', 'records', 'clock', 'churn'])
    t.is(new Set(units.filter(unit => unit.kind === kind).map(({ place }) => place.accelerator)).size, 3, kind);
});

test('a log or an end that differs is a difference, and the line is named', t => {
  const ledger = new Ledger();
  const trace = { configuration: 'pc', log: 'one\ntwo\n', end: 'powerOff at 3' };
  t.is(ledger.add(trace, 'unit 0'), undefined);
  t.is(ledger.add({ ...trace }, 'unit 1'), undefined);
  t.is(ledger.add({ ...trace, configuration: 'microvm', log: 'other' }, 'unit 2'), undefined);
  t.regex(ledger.add({ ...trace, log: 'one\ntoo\n' }, 'unit 3')!.what, /unit 0: line 2 is "too" instead of "two"/);
  t.regex(ledger.add({ ...trace, end: 'powerOff at 4' }, 'unit 4')!.what, /at 4 instead of powerOff at 3/);
  t.is(ledger.compared, 3);
});

const content = { tag: '123456', pages: 3 } as const;

test('no two pages of records are the same', t => {
  const pages = new Set<string>();
  for (const life of [0, 1])
    for (let record = 0; record < 50; record++) {
      const bytes = recordBytes({ ...content, how: 'raw-fsync' }, life, record);
      for (let at = 0; at < bytes.length; at += pageSize) pages.add(bytes.toString('latin1', at, at + pageSize));
    }
  t.is(pages.size, 300);
});

test('a record of which a single byte is missing is lost, on a raw disk and in files', t => {
  for (const how of ['raw-fsync', 'ext4-sync'] as const) {
    const unit = { ...content, how };
    const image = Buffer.alloc(1 << 20);
    // On a raw disk each has its place; a file system puts pages anywhere.
    for (const record of [0, 1, 2]) recordBytes(unit, 0, record).copy(image, (16 + record * 3) * pageSize);
    t.deepEqual(lostRecords(unit, image, [3]), [], how);
    image[(16 + 4) * pageSize + 17] ^= 1;
    t.deepEqual(lostRecords(unit, image, [3]), ['record 1 of life 0 was flushed and is lost'], how);
    t.deepEqual(lostRecords(unit, image, [1]), [], how);
  }
});

test('a volatile disk keeps what was flushed and loses what was not', async t => {
  const medium = new MemoryDisk(new Uint8Array(4096));
  const disk = new VolatileDisk(medium);
  await disk.write(512, new Uint8Array(512).fill(1));
  await disk.flush();
  await disk.write(1024, new Uint8Array(512).fill(2));
  const seen = new Uint8Array(1536);
  await disk.read(0, seen);
  t.deepEqual([seen[0], seen[512], seen[1024]], [0, 1, 2]);
  t.deepEqual([medium.bytes[512], medium.bytes[1024]], [1, 0]);
});

const log = (backwards: number, source: string, said: string): string =>
  `processors 2\nmonotonic readings 100 backwards ${backwards} worst 9\ntsc readings 100 backwards 0 worst 0\nclocksource ${source}\nCOMPLAINTS\n${said}NONE\n`;

test('clocks that go backwards, another clocksource and what the kernel says are failures', t => {
  const failures = (text: string): readonly string[] => judge(text, 'powerOff', 2, true).failures;
  t.deepEqual(failures(log(0, 'tsc', '')), []);
  t.deepEqual(failures(log(3, 'hpet', 'watchdog: BUG: soft lockup - CPU#1 stuck for 22s!\n')), [
    'monotonic went backwards 3 times of 100, by 9 at worst',
    'the clocksource is hpet, not tsc',
    'kernel: watchdog: BUG: soft lockup - CPU#1 stuck for 22s!',
  ]);
  t.true(judge('', 'timeout', 2, true).failures.length >= 4);
});

test('a TSC that Linux dropped for its own count of ticks is counted, whatever else is wrong fails', t => {
  const unstable = "Marking clocksource 'tsc-early' as unstable because the skew is too large:\n";
  const ofTicks = (source: string, said: string) =>
    judge(`watchdog refined-jiffies\n${log(0, source, said)}`, 'powerOff', 2, true);
  const { failures, counts } = ofTicks('acpi_pm', unstable);
  t.deepEqual(failures, []);
  t.is(counts?.['TSC compared with ticks'], 1);
  t.is(ofTicks('jiffies', unstable).failures.length, 1);
  t.is(ofTicks('acpi_pm', `${unstable}rcu: INFO: rcu_sched self-detected stall\n`).failures.length, 1);
  t.is(judge(`watchdog hpet\n${log(0, 'acpi_pm', unstable)}`, 'powerOff', 2, true).failures.length, 2);
});

test('memory that grows is a leak, memory that has warmed up is not', t => {
  const samples = (size: (n: number) => number) =>
    Array.from({ length: 100 }, (_, n) => ({ at: n * 30_000, bytes: size(n) * 2 ** 20 }));
  const flat = seriesOf(samples(n => 300 + Math.min(n, 10) * 20 + (n % 3) * 15))!;
  t.false(isLeak(flat));
  t.true(Math.abs(flat.slope) < 60, `${flat.slope}`);
  const growing = seriesOf(samples(n => 300 + n * 5))!;
  t.true(isLeak(growing));
  t.is(growing.slope, 600);
});

test('arguments', t => {
  t.like(parseArguments(['--minutes', '5', '--seed', '3', '--only', '4,17', '--load', '0']), {
    minutes: 5,
    seed: 3,
    only: [4, 17],
    load: 0,
    limit: 600,
  });
  t.throws(() => parseArguments(['--minutes', 'many']), { message: /many/ });
  t.throws(() => parseArguments(['--hours', '1']));
});
