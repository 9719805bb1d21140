/** `--trace`: lines of JSON beside the guest's console, and observers that a plugin brings. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { virt64 } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'virt64-trace-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string): string => join(folder, name);

const toy = ['run', '-M', 'toyvirt', '--accel', 'software', '--quiet', '--clock', 'virtual'];

interface Line {
  readonly time: number;
  readonly event: string;
  readonly [field: string]: unknown;
}

const lines = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));

test.serial('lines of JSON on stderr, of the events asked for, and the console as ever', async t => {
  const plain = await virt64(...toy);
  const traced = await virt64(...toy, '--trace', 'ports,interrupts');
  t.is(plain.status, 0);
  t.is(traced.status, 0);
  t.is(traced.stdout, plain.stdout);
  const events = lines(traced.stderr);
  t.deepEqual([...new Set(events.map(({ event }) => event))].sort(), ['interrupt', 'port']);
  const console = events.filter(({ port, kind }) => port === 123 && kind === 'write');
  t.is(console.map(({ value }) => String.fromCharCode(value as number)).join(''), traced.stdout);
  t.like(console[0], { device: 'console', size: 1, processor: 0 });
});

test.serial('a file takes the same, and stderr none of it', async t => {
  const file = path('trace');
  const { stderr } = await virt64(...toy, '--trace', 'ports, interrupts', '--trace-file', file);
  t.is(stderr, '');
  const again = await virt64(...toy, '--trace', 'ports,interrupts');
  t.is(readFileSync(file, 'utf8'), again.stderr);
  await virt64(...toy, '--trace=all', `--trace-file=${file}`);
  const kinds = new Set(lines(readFileSync(file, 'utf8')).map(({ event }) => event));
  for (const kind of ['port', 'mmio', 'msr', 'interrupt', 'console']) t.true(kinds.has(kind), kind);
});

test.serial('what is wrong is refused before anything runs', async t => {
  for (const [args, pattern] of [
    [['--trace', 'port'], /--trace: .*did you mean ports\?/s],
    [['--trace', 'ports,,msrs'], /--trace: /],
    [['--trace-file', path('x')], /--trace-file: .*--trace ports/s],
    [['--trace', 'all', '--trace-file', path('no/such/folder')], /--trace-file: /],
  ] as const) {
    const { status, stdout, stderr } = await virt64(...toy, ...args);
    t.not(status, 0, args.join(' '));
    t.is(stdout, '');
    t.regex(stderr, pattern);
  }
});

test.serial('an observer of a plugin looks at the machine, with a decorator or without', async t => {
  const plugin = path('counter.mjs');
  writeFileSync(
    plugin,
    `export class Counter {
      static observer = 'counter';
      ports = 0;
      port() { this.ports++; }
      end() { console.error('ports: ' + this.ports); }
    }`,
  );
  const original = console.error;
  const said: string[] = [];
  console.error = (text: string) => void said.push(text);
  try {
    const { status, stderr } = await virt64(...toy, '--plugin', plugin);
    t.is(status, 0, stderr);
  } finally {
    console.error = original;
  }
  t.is(said.length, 1);
  t.regex(said[0], /^ports: \d{3,}$/);
});
