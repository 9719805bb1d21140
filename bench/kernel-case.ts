/** Measures one workload of the bench kernel: finds out how long is long enough, compares checksums, then takes turns. */
import { type CaseResult, type Result, type Say, takeTurns } from './case.ts';
import type { Contender } from './contender.ts';
import type { Workload } from './kernel/workload.ts';
import { type KernelRun, runKernel } from './kernel-run.ts';

export interface KernelCaseOptions {
  readonly contenders: readonly Contender[];
  readonly repetitions: number;
  readonly folder: string;
  readonly memory: number;
  readonly say: Say;
}

/** Seconds that a run takes on the slowest contender. */
const target = 0.6;
/** A trial that is shorter says little about speed. */
const shortest = 0.05;

export async function measureKernel(workload: Workload, options: KernelCaseOptions): Promise<CaseResult> {
  const { contenders, repetitions, say } = options;
  say(workload.name);
  const { fit, failed, iterations } = await calibrate(workload, options);
  const checksums = new Map<string, string>();
  const run = async (contender: Contender): Promise<KernelRun> => {
    const result = await runKernel(contender, workload, iterations, options);
    checksums.set(contender.name, result.checksum);
    if (new Set(checksums.values()).size > 1)
      say(`  checksums differ: ${JSON.stringify(Object.fromEntries(checksums))}`);
    return result;
  };
  const measured = await takeTurns(fit, repetitions, run, say);
  const { name, description, operations } = workload;
  return {
    name,
    description,
    instructions: workload.instructions * iterations,
    ...(operations ? { operations: { name: operations.name, count: operations.count * iterations } } : {}),
    results: Object.fromEntries(contenders.map(({ name }) => [name, failed[name] ?? measured[name]!])),
  };
}

interface Calibration {
  readonly iterations: number;
  readonly fit: readonly Contender[];
  readonly failed: Readonly<Record<string, Result>>;
}

/** A short run on each contender must give the same checksum; the slowest then says how many iterations the rest shall have. */
export async function calibrate(workload: Workload, options: KernelCaseOptions): Promise<Calibration> {
  const failed: Record<string, Result> = {};
  const trials: { contender: Contender; run: KernelRun }[] = [];
  for (const contender of options.contenders) {
    try {
      trials.push({ contender, run: await runKernel(contender, workload, workload.trial, options) });
    } catch (error) {
      failed[contender.name] = { failure: (error as Error).message };
    }
  }
  // The last contender is QEMU where there is one: it is right.
  const checksum = trials.at(-1)?.run.checksum;
  const fit = trials.filter(({ contender, run }) => {
    if (run.checksum === checksum) return true;
    failed[contender.name] = { failure: `wrong checksum ${run.checksum}, ${checksum} expected` };
    return false;
  });
  for (const [name, { failure }] of Object.entries(failed)) options.say(`  ${name}: ${failure}`);
  const slowest = fit.reduce((a, b) => (b.run.seconds > a.run.seconds ? b : a), fit[0]!);
  const contenders = fit.map(({ contender }) => contender);
  if (!slowest) return { iterations: workload.trial, fit: contenders, failed };
  let iterations = workload.trial;
  let { seconds } = slowest.run;
  while (seconds < shortest) {
    iterations = Math.ceil(iterations * Math.min(100, (2 * shortest) / seconds));
    ({ seconds } = await runKernel(slowest.contender, workload, iterations, options));
  }
  return { iterations: Math.ceil((iterations * target) / seconds), fit: contenders, failed };
}
