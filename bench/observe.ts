/** Runs a program and measures the time between two things that it says on its standard output. */
import { spawn } from 'node:child_process';
import { PeakMemory } from './peak-memory.ts';

export interface Command {
  readonly program: string;
  readonly arguments: readonly string[];
}

export interface Marks {
  /** Without it time runs from the program's start. */
  readonly from?: RegExp;
  readonly until: RegExp;
  /** What must have been said before the program is ended; the end mark itself by default. */
  readonly complete?: RegExp;
}

export interface Observation {
  readonly seconds: number;
  readonly output: string;
  /** Bytes; 0 where the system does not tell. */
  readonly peakMemory: number;
}

/** Rejects if the program ends before it has said everything, or says nothing more for `patience` seconds. */
export async function observe(command: Command, marks: Marks, patience: number): Promise<Observation> {
  const began = performance.now();
  const child = spawn(command.program, command.arguments, { stdio: ['pipe', 'pipe', 'pipe'] });
  using peak = new PeakMemory(child.pid);
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  let output = '';
  let errors = '';
  let start = marks.from ? undefined : began;
  let end: number | undefined;

  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`not done after ${patience} s${said()}`)), patience * 1000);
  const said = (): string => {
    const text = (errors || output).replace(/[^\x20-\x7e]+/g, ' ').trim();
    return text ? `: ${text.slice(0, 300)}` : '';
  };
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    const now = performance.now();
    output += text;
    if (start === undefined && marks.from?.test(output)) start = now;
    if (end === undefined && marks.until.test(output)) {
      end = now;
      peak.sample();
    }
    if (end !== undefined && (marks.complete ?? marks.until).test(output)) resolve();
  });
  child.on('error', reject);
  child.on('close', code => reject(new Error(`${command.program} ended with status ${code} too early${said()}`)));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    process.off('exit', kill);
    kill();
  }
  return { seconds: (end! - start!) / 1000, output, peakMemory: peak.bytes };
}
