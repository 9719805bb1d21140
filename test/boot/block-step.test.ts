/** Truth about DEBUGCTL.BTF from outside: Linux steps a program of its own from branch to branch. */
import test from 'ava';
import { amd, type CpuModel, intel } from '#core';
import { build, pc } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';
import { compiled } from '../support/compiled.ts';

const program = compiled(new URL('block-step.c', import.meta.url));
/** Without gcc or the kernel's headers these tests are shown as skipped. */
const whereCompiled = program ? test.serial : test.skip;

const without = ['monitor', 'rdtscp', 'invpcid', 'pcid', 'mce', 'mca', 'mtrr'];

/** Where branches lead: two jz, jmp, call, jmp behind ret, ret, loop, jrcxz, jmp to a register; after getpid; jmp; behind INT3. */
const branches = ['8', 'a', 'd', '14', '12', '15', '1a', '1f', '37', '3e', '41', '42'];

async function stops(cpu: CpuModel): Promise<readonly string[]> {
  const { kernel, initrd } = await guest({
    script: 'dmesg -n 1; echo STOPS; block-step; echo END',
    files: [{ kind: 'file', path: 'bin/block-step', content: program!, mode: 0o755 }],
  });
  const machine = pc.with({
    cpu,
    boot: { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0 panic=-1' },
  });
  await using running = await build(machine, { accelerator: 'software' });
  await running.run({ timeout: '20 s' });
  const log = running.serial.text.replaceAll('\r', '');
  return log
    .slice(log.indexOf('STOPS\n') + 6, log.indexOf('END\n'))
    .trim()
    .split('\n');
}

for (const [name, model] of Object.entries({ amd, intel }))
  whereCompiled(`${name}: Linux stops where branches lead`, async t => {
    t.deepEqual(await stops(model({ without })), branches);
  });

whereCompiled('where nobody has DEBUGCTL it stops after each instruction', async t => {
  const found = await stops(amd({ without, debugControl: false }));
  t.deepEqual(found.slice(0, 5), ['1', '3', '5', '8', 'a']);
});
