/** A process that does units: one after another, each within a limit of time. Whoever exceeds it is killed, with all that it started. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Report, Unit } from './unit.ts';
import type { Answer } from './worker.ts';

export interface Done {
  readonly report: Report;
  readonly resident?: number;
}

const running = new Set<ChildProcess>();

process.once('exit', () => {
  for (const child of running) kill(child);
});

export class WorkerProcess implements Disposable {
  readonly #child: ChildProcess;
  #said = '';
  dead = false;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('worker.ts', import.meta.url)), {
      execArgv: ['--import=tsx', '--expose-gc'],
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    running.add(this.#child);
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-4000);
      });
  }

  /** Its process number. */
  get id(): number {
    return this.#child.pid ?? 0;
  }

  run(unit: Unit, limit: number): Promise<Done> {
    return new Promise(resolve => {
      const child = this.#child;
      const end = (done: Done): void => {
        clearTimeout(timer);
        child.removeListener('message', onMessage);
        child.removeListener('exit', onExit);
        resolve(done);
      };
      const onMessage = (answer: unknown): void => end(answer as Answer);
      const onExit = (code: number | null, signal: string | null): void => {
        this.dead = true;
        end({ report: { failures: [`the process ended with ${signal ?? code}: ${this.#said.trim()}`] } });
      };
      const timer = setTimeout(() => {
        this[Symbol.dispose]();
        end({ report: { failures: [`hangs: no report within ${limit / 1000} s`] } });
      }, limit);
      child.on('message', onMessage);
      child.on('exit', onExit);
      child.send(unit);
    });
  }

  [Symbol.dispose](): void {
    this.dead = true;
    kill(this.#child);
    running.delete(this.#child);
  }
}

/** The child leads a group of its own. */
function kill({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
