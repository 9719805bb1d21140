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

/** What a program has said, and when it said the marks. */
export class Listener {
  output = '';
  #start: number | undefined;
  #end: number | undefined;

  constructor(
    private readonly marks: Marks,
    began: number,
  ) {
    if (!marks.from) this.#start = began;
  }

  /** `now` in milliseconds. */
  hear(text: string, now: number): void {
    const { from, until } = this.marks;
    this.output += text;
    if (this.#start === undefined && from?.test(this.output)) this.#start = now;
    if (this.#end === undefined && until.test(this.output)) this.#end = now;
  }

  /** The end mark has been heard. */
  get ended(): boolean {
    return this.#end !== undefined;
  }
  get complete(): boolean {
    return this.ended && (this.marks.complete ?? this.marks.until).test(this.output);
  }
  get seconds(): number {
    return (this.#end! - this.#start!) / 1000;
  }
}

/** Rejects if the program ends before it has said everything, or says nothing more for `patience` seconds. */
export async function observe(command: Command, marks: Marks, patience: number): Promise<Observation> {
  const began = performance.now();
  const child = spawn(command.program, command.arguments, { stdio: ['pipe', 'pipe', 'pipe'] });
  using peak = new PeakMemory(child.pid);
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const listener = new Listener(marks, began);
  let errors = '';

  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`not done after ${patience} s${said()}`)), patience * 1000);
  const said = (): string => {
    const text = (errors || listener.output).replace(/[^\x20-\x7e]+/g, ' ').trim();
    return text ? `: ${text.slice(0, 300)}` : '';
  };
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    const { ended } = listener;
    listener.hear(text, performance.now());
    if (listener.ended && !ended) peak.sample();
    if (listener.complete) resolve();
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
  const { seconds, output } = listener;
  return { seconds, output, peakMemory: peak.bytes };
}
