/** Measures one workload of the bench kernel: finds out how much is enough, compares checksums, takes turns. */
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
const target = 0.8;
const tolerance = target / 2;
/** Engines speed up as they get to know the code, so that an estimate from a shorter run comes out wrong: it is tried again. */
const mostRounds = 4;
const growth = 30;
/** Who would be done sooner than this gets several times the work. */
const shortestFast = 0.5;
const mostTimes = 1000;

export async function measureKernel(workload: Workload, options: KernelCaseOptions): Promise<CaseResult> {
  const { contenders, repetitions, say } = options;
  say(workload.name);
  const run = agreeing((contender, iterations) => runKernel(contender, workload, iterations, options));
  const { times, failed, iterations } = await calibrate(workload, options, run);
  const measured = await takeTurns(
    [...times.keys()],
    repetitions,
    async contender => {
      const factor = times.get(contender)!;
      const { seconds, peakMemory } = await run(contender, iterations * factor);
      return { seconds: seconds / factor, peakMemory };
    },
    say,
  );
  const { name, description, operations } = workload;
  return {
    name,
    description,
    instructions: workload.instructions * iterations,
    ...(operations ? { operations: { name: operations.name, count: operations.count * iterations } } : {}),
    results: Object.fromEntries(contenders.map(({ name }) => [name, failed[name] ?? measured[name]])),
  };
}

type Run = (contender: Contender, iterations: number) => Promise<KernelRun>;

/** For the same work the first answer (QEMU's, where it takes part) is right; whoever finds another checksum fails. */
function agreeing(run: Run): Run {
  const expected = new Map<number, string>();
  return async (contender, iterations) => {
    const result = await run(contender, iterations);
    const first = expected.get(iterations) ?? result.checksum;
    expected.set(iterations, first);
    if (result.checksum === first) return result;
    throw new Error(`wrong checksum ${result.checksum} instead of ${first}`);
  };
}

interface Calibration {
  readonly iterations: number;
  /** The contenders that can do it, each with how many times the work it gets. */
  readonly times: ReadonlyMap<Contender, number>;
  readonly failed: Readonly<Record<string, Result>>;
}

/** A short run on each contender shows which of them can do it; the slowest then says how many iterations the rest shall have. */
async function calibrate(workload: Workload, options: KernelCaseOptions, run: Run): Promise<Calibration> {
  const failed: Record<string, Result> = {};
  const trials = new Map<Contender, number>();
  let { trial: iterations } = workload;
  for (const contender of options.contenders) {
    try {
      trials.set(contender, (await run(contender, iterations)).seconds);
    } catch (error) {
      const failure = (error as Error).message;
      failed[contender.name] = { failure };
      options.say(`  ${contender.name}: ${failure}`);
    }
  }
  let seconds = Math.max(0, ...trials.values());
  const slowest = [...trials.keys()].find(contender => trials.get(contender) === seconds);
  for (
    let round = 0;
    slowest && round < mostRounds && (round === 0 || Math.abs(seconds - target) > tolerance);
    round++
  ) {
    iterations = Math.ceil(iterations * Math.min(growth, target / seconds));
    ({ seconds } = await run(slowest, iterations));
  }
  // A trial is too short to tell how fast a contender is that compiles first.
  const times = new Map<Contender, number>();
  for (const contender of trials.keys()) {
    const taken = contender === slowest ? seconds : (await run(contender, iterations)).seconds;
    times.set(contender, Math.min(mostTimes, Math.ceil(shortestFast / taken)));
  }
  return { iterations, times, failed };
}
