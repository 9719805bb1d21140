/** Linux runs programs of AVX2, FMA and BMI2, and keeps their registers apart: what they say is what they say on a real processor. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { amd, type CpuModel, intel } from '#core';
import { build, pc } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';
import { compiled } from '../support/compiled.ts';

const program = compiled(new URL('avx.c', import.meta.url), true);
const whereCompiled = program ? test.serial : test.skip;

const without = ['monitor', 'rdtscp', 'invpcid', 'pcid', 'rdrand', 'rdseed', 'umip', 'mce', 'mca', 'mtrr'];
const also = ['xsaveopt', 'xsavec', 'avx', 'avx2', 'fma', 'f16c', 'bmi1', 'bmi2'];

/** Recorded on an AMD EPYC (family 25, model 17, stepping 1). */
const recorded = [
  'avx 1 avx2 1 fma 1 bmi 1 bmi2 1',
  'integers agree',
  'gathers agree',
  'bits agree',
  'fused 7e6d89b407ebae59 4f4f819eb9b6626c',
  'registers are kept, 20 signals',
];

async function said(cpu: CpuModel, accelerator: 'software' | 'nvmm-svm' | 'nvmm-vmx'): Promise<readonly string[]> {
  const { kernel, initrd } = await guest({
    script: 'dmesg -n 1; echo SAID; avx; echo END',
    files: [{ kind: 'file', path: 'bin/avx', content: program!, mode: 0o755 }],
  });
  const machine = pc.with({
    cpu,
    boot: { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0 panic=-1' },
  });
  await using running = await build(machine, { accelerator });
  await running.run({ timeout: '40 s' });
  const log = running.serial.text.replaceAll('\r', '');
  return log
    .slice(log.indexOf('SAID\n') + 5, log.indexOf('END\n'))
    .trim()
    .split('\n');
}

for (const [accelerator, name, model] of [
  ['software', 'amd', amd],
  ['software', 'intel', intel],
  ['nvmm-svm', 'amd', amd],
  ['nvmm-vmx', 'intel', intel],
] as const)
  whereCompiled(`${accelerator}, ${name}: programs of AVX2 say what they say on a processor`, async t => {
    t.deepEqual(await said(model({ without, debugControl: false, also }), accelerator), recorded);
  });

test('what was recorded is what this processor says, if it has all of that', t => {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-avx-'));
  try {
    const file = join(folder, 'avx');
    writeFileSync(file, program ?? '');
    chmodSync(file, 0o755);
    const lines = program ? spawnSync(file).stdout.toString().trim().split('\n') : [];
    if (lines[0] === recorded[0]) t.deepEqual(lines, recorded);
    else t.pass();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
