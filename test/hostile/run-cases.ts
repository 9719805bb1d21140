/** Performs cases in a process of their own, which is killed if it hangs. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Case, Result } from './case.ts';

const ownProgram = fileURLToPath(new URL('child.ts', import.meta.url));

export interface RunOptions {
  /** Arguments for Node, such as --cpu-prof. */
  readonly nodeArguments?: readonly string[];
  /** Seconds without a turn of the child's event loop after which it counts as hung. Default 15. */
  readonly patience?: number;
  /** What runs in the child. */
  readonly program?: string;
  /** Hears of each result at once. */
  readonly onResult?: (given: Case, result: Result) => void;
}

/** Seconds that Node may take to start and to load the program, on a busy computer. */
const startTime = 120;

/** The results in the order of the cases. After one that hangs or dies, the others go on in another process. */
export async function runCases(cases: readonly Case[], options: RunOptions = {}): Promise<Result[]> {
  const results: Result[] = [];
  while (results.length < cases.length) results.push(...(await runSome(cases.slice(results.length), options)));
  return results;
}

/** At least one result. */
function runSome(cases: readonly Case[], options: RunOptions): Promise<Result[]> {
  const { nodeArguments = [], patience = 15, program = ownProgram, onResult } = options;
  return new Promise(resolve => {
    const child = fork(program, [JSON.stringify(cases)], {
      execArgv: ['--import=tsx', '--expose-gc', ...nodeArguments],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const results: Result[] = [];
    const add = (result: Result): void => {
      onResult?.(cases[results.length], result);
      results.push(result);
    };
    let started = false;
    let began = performance.now();
    let sign = began;
    let words = '';
    const watchdog = setInterval(() => {
      const now = performance.now();
      // A guest whose time never ends is hung as well, even if the event loop turns now and then.
      const silence = (started ? patience : startTime) * 1000;
      const limit = 2 * silence + 2000 * (cases[results.length]?.seconds ?? 0);
      if (now - sign < silence && now - began < limit) return;
      add({ kind: 'hung', lastSign: (sign - began) / 1000 });
      clearInterval(watchdog);
      child.kill('SIGKILL');
    }, 250);
    child.stderr!.on('data', (data: Buffer) => {
      words = (words + data.toString()).slice(-4000);
    });
    child.on('message', message => {
      sign = performance.now();
      if (!started) began = sign;
      started = true;
      if ((message as { kind: string }).kind === 'sign' || child.killed) return;
      add(message as Result);
      began = sign;
    });
    child.on('close', (code, signal) => {
      clearInterval(watchdog);
      const died: Result = { kind: 'died', how: `${signal ?? `exit status ${code}`}: ${words.trim()}` };
      const complete = results.length === cases.length || results.at(-1)?.kind === 'hung';
      if (!complete) add(died);
      resolve(results);
    });
  });
}
