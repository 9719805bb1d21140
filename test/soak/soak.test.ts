/** A soak of half a minute: one unit of each kind that says the same on every computer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { guest } from '../support/linux-guest.ts';
import { parseArguments } from './arguments.ts';
import { soak } from './soak.ts';
import { table } from './table.ts';
import type { Place, Unit } from './unit.ts';

const software: Place = { accelerator: 'software', engine: 'jit' };
const svm: Place = { accelerator: 'nvmm-svm', engine: 'jit' };
const vmx: Place = { accelerator: 'nvmm-vmx', engine: 'jit' };

const units: readonly Unit[] = [
  { number: 0, kind: 'churn', place: svm, machines: 5 },
  { number: 2, kind: 'churn', place: vmx, machines: 5 },
  {
    number: 4,
    kind: 'moves',
    place: svm,
    places: [svm, vmx, software],
    configuration: {
      profile: 'microvm',
      processors: 2,
      memory: '128 MiB',
      cpu: 'intel',
      work: 'forks',
      ending: 'powerOff',
      resetAt: 0,
    },
    gaps: Array.from({ length: 8 }, (_, n) => 60e6 + n * 1_234_567),
    encoded: true,
    diskInFile: false,
  },
  {
    number: 1,
    kind: 'records',
    place: vmx,
    how: 'raw-direct',
    clock: 'host',
    processors: 1,
    program: 'volatile',
    pages: 2,
    tag: '640064',
    ends: [{ signal: 'SIGKILL', after: 3, delay: 5 }],
  },
];

const withGuest = (await guest()) ? test : test.skip;

withGuest('machines are moved, killed and disposed of, and nothing is lost or differs', async t => {
  t.timeout(1_800_000);
  const keep = mkdtempSync(join(tmpdir(), 'virt64-soak-'));
  t.teardown(() => rmSync(keep, { recursive: true, force: true }));
  const options = parseArguments(['--seed', '1', '--load', '1', '--limit', '800', '--keep', keep]);
  const summary = await soak(options, text => t.log(text), units);
  t.deepEqual(summary.failures, []);
  t.is(summary.logsCompared, 2);
  t.like(summary.counts, { machines: 10, boots: 2, moves: 8, kills: 1 });
  t.true(summary.counts['bytes flushed'] >= 8 * 2 * 4096);
  t.regex(table(summary), /\| logs compared \| 2 \|/);
});
