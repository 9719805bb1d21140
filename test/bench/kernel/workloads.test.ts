/**
 * What the bench kernel computes and how many instructions it takes. QEMU is the judge: under -icount its time-stamp counter is the
 * number of instructions executed. Its checksums are recorded here, so that virt64 is held to them where there is no QEMU.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { qemu, qemuVersion } from '../../../bench/contender.ts';
import { image } from '../../../bench/kernel/image.ts';
import type { Workload } from '../../../bench/kernel/workload.ts';
import { exits } from '../../../bench/kernel/workloads/exits.ts';
import { repeated } from '../../../bench/kernel/workloads/strings.ts';
import { workloads } from '../../../bench/kernel/workloads.ts';
import { withFeatures } from '../../../bench/with-features.ts';
import { build } from '../../../machines/build.ts';
import { microvm } from '../../../machines/profiles/microvm.ts';

const iterations = 200;
const memory = 64 * 2 ** 20;

const checksums: Readonly<Record<string, string>> = {
  integer: 'bcad64e0dc7cd1c0',
  memory: '00000000000066c5',
  scatter: '00000000000066c5',
  call: '9762bc163a382994',
  string: '00000000659223a8',
  float: '371b46234fa41a2c',
  avx2: '807cef2d4102d3cd',
  x87: '4066c91a7a31dacd',
  syscall: '000000000000eeac',
  'page-fault': '0000000000004f4c',
  exits: '0000000000004e84',
};

/** The few instructions between a reading of the counter and the first iteration, and after the last. */
const around = 60;

const report = (output: string) => {
  const [, checksum, ticks] = /^\x02\x03([0-9a-f]{16})([0-9a-f]{16})\n$/.exec(output) ?? [];
  return { checksum, ticks: Number(`0x${ticks}`) };
};

for (const workload of [...workloads, exits]) {
  const { features, name } = workload;

  (qemuVersion() ? test.serial : test.skip)(`${name} on QEMU: result and number of instructions`, t => {
    const { checksum, ticks } = report(onQemu(workload));
    t.is(checksum, checksums[name]);
    // Counting instructions, QEMU begins each repeated one once more than it has elements.
    const extra = name === 'string' ? repeated.instructions : 0;
    const overhead = ticks - iterations * (workload.instructions + extra);
    t.true(overhead >= 0 && overhead < around, `${overhead} more than counted`);
  });

  test.serial(`${name} on virt64: result and number of instructions`, async t => {
    const boot = { kind: 'kernel', kernel: image(workload, iterations) } as const;
    await using machine = await build(
      microvm.with({ memory, boot, clock: 'virtual', ...(features ? { cpu: withFeatures(features) } : {}) }),
      { accelerator: 'software' },
    );
    t.deepEqual(await machine.run({ timeout: '1 s' }), { kind: 'exit', code: 1 });
    const { checksum, ticks } = report(machine.serial.text);
    t.is(checksum, checksums[name]);
    const fewer = name === 'string' ? repeated.elements - repeated.instructions : 0;
    const overhead = ticks - iterations * (workload.instructions - fewer);
    t.true(overhead >= 0 && overhead < around, `${overhead} more than counted`);
  });
}

function onQemu(workload: Workload): string {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-bench-'));
  try {
    const kernel = join(folder, 'kernel.elf');
    writeFileSync(kernel, image(workload, iterations));
    const { program, arguments: options } = qemu.command({
      machine: 'microvm',
      memory,
      kernel,
      ...(workload.features ? { features: workload.features } : {}),
    });
    const counting = ['-icount', 'shift=0,sleep=off'];
    return spawnSync(program, [...options, ...counting], { encoding: 'latin1', timeout: 600_000 }).stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
