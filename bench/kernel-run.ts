/** Runs the bench kernel with one workload in it, once. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender } from './contender.ts';
import { image } from './kernel/image.ts';
import type { Workload } from './kernel/workload.ts';
import { observe } from './observe.ts';

export interface KernelRun {
  readonly seconds: number;
  /** 16 hexadecimal digits; a function of the workload and the number of iterations. */
  readonly checksum: string;
  /** What the guest's time-stamp counter counted. */
  readonly ticks: number;
  readonly peakMemory: number;
}

const marks = { from: /\x02/, until: /\x03/, complete: /\x03([0-9a-f]{16})([0-9a-f]{16})\n/ };
const patience = 120;

export async function runKernel(
  contender: Contender,
  workload: Workload,
  iterations: number,
  { folder, memory }: { readonly folder: string; readonly memory: number },
): Promise<KernelRun> {
  const kernel = join(folder, `${workload.name}-${iterations}.elf`);
  await writeFile(kernel, image(workload, iterations));
  const command = contender.command({
    machine: 'microvm',
    memory,
    kernel,
    ...(workload.features ? { features: workload.features } : {}),
  });
  const { seconds, output, peakMemory } = await observe(command, marks, patience);
  const [, checksum, ticks] = marks.complete.exec(output)!;
  return { seconds, checksum: checksum!, ticks: Number(`0x${ticks}`), peakMemory };
}
