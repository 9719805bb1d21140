/** Memory that a process needs beyond the guest's: the guest touches all it has. */
import { type CaseResult, takeTurns } from './case.ts';
import { layout } from './kernel/layout.ts';
import { resident } from './kernel/workloads/resident.ts';
import type { KernelCaseOptions } from './kernel-case.ts';
import { runKernel } from './kernel-run.ts';

export async function measureResident({ contenders, folder, say }: KernelCaseOptions): Promise<CaseResult> {
  const memory = 256 * 2 ** 20;
  const workload = resident(memory);
  say(workload.name);
  const results = await takeTurns(
    contenders,
    1,
    contender => runKernel(contender, workload, workload.trial, { folder, memory }),
    say,
  );
  return { name: workload.name, description: workload.description, touched: memory - layout.buffer, results };
}
