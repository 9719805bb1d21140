/** Performs cases in a process of their own, which is killed if it hangs. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Case, Result } from './case.ts';

const program = fileURLToPath(new URL('child.ts', import.meta.url));

export interface RunOptions {
  /** Arguments for Node, such as --cpu-prof. */
  readonly nodeArguments?: readonly string[];
  /** Seconds without a turn of the child's event loop after which it counts as hung; the start of Node is among them. Default 15. */
  readonly patience?: number;
}

/** The results in the order of the cases. After one that hangs or dies, the others go on in another process. */
export async function runCases(cases: readonly Case[], options: RunOptions = {}): Promise<Result[]> {
  const results: Result[] = [];
  while (results.length < cases.length) results.push(...(await runSome(cases.slice(results.length), options)));
  return results;
}

/** At least one result. */
function runSome(cases: readonly Case[], { nodeArguments = [], patience = 15 }: RunOptions): Promise<Result[]> {
  return new Promise(resolve => {
    const child = fork(program, [JSON.stringify(cases)], {
      execArgv: ['--import=tsx', '--expose-gc', ...nodeArguments],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const results: Result[] = [];
    let began = performance.now();
    let sign = began;
    let words = '';
    const watchdog = setInterval(() => {
      const now = performance.now();
      // A guest whose time never ends is hung as well, even if the event loop turns now and then.
      const limit = patience * 1000 + 2000 * (cases[results.length]?.seconds ?? 0);
      if (now - sign < patience * 1000 && now - began < limit) return;
      results.push({ kind: 'hung', lastSign: (sign - began) / 1000 });
      clearInterval(watchdog);
      child.kill('SIGKILL');
    }, 250);
    child.stderr!.on('data', (data: Buffer) => {
      words = (words + data.toString()).slice(-4000);
    });
    child.on('message', message => {
      sign = performance.now();
      if ((message as { kind: string }).kind === 'sign' || child.killed) return;
      results.push(message as Result);
      began = sign;
    });
    child.on('close', (code, signal) => {
      clearInterval(watchdog);
      const died: Result = { kind: 'died', how: `${signal ?? `exit status ${code}`}: ${words.trim()}` };
      const complete = results.length === cases.length || results.at(-1)?.kind === 'hung';
      resolve(complete ? results : [...results, died]);
    });
  });
}
