/** Debian's kernel from the start of the process to the shell's prompt. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { guest } from '../cli/fetch/initrd.ts';
import { type CaseResult, type Say, takeTurns } from './case.ts';
import type { Contender } from './contender.ts';
import { observe } from './observe.ts';

export interface BootCaseOptions {
  readonly contenders: readonly Contender[];
  readonly repetitions: number;
  readonly folder: string;
  readonly say: Say;
}

export const bootMemory = 512 * 2 ** 20;
const prompt = /root@virt64:\S*# /;
const patience = 600;

export async function measureBoot({ contenders, repetitions, folder, say }: BootCaseOptions): Promise<CaseResult> {
  say('boot');
  const { kernel, initrd, release } = await guest({ onProgress: say });
  const paths = { kernel: join(folder, 'vmlinuz'), initrd: join(folder, 'initrd') };
  await writeFile(paths.kernel, kernel);
  await writeFile(paths.initrd, initrd);
  const job = { machine: 'pc', memory: bootMemory, append: 'console=ttyS0', ...paths } as const;
  const results = await takeTurns(
    contenders,
    repetitions,
    contender => observe(contender.command(job), { until: prompt }, patience),
    say,
  );
  return { name: 'boot', description: `Linux ${release} to the shell's prompt`, results };
}
