/** Debian's package tools as a library: private lists and archives, so that no root is needed and the host's state stays as it is. */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { MachineError } from '#core';

export const elsewhere =
  'give a kernel of your own (--kernel FILE --initrd FILE), or run this on a Debian or Ubuntu system with network access';

interface Result {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

interface RunOptions {
  readonly folder?: string;
  /** What the program writes to descriptor 3. */
  readonly onStatus?: (text: string) => void;
}

/** Runs a program to its end, and no longer than this process; a program that does not exist is the user's to install. */
export function run(
  program: string,
  options: readonly string[],
  { folder, onStatus = () => {} }: RunOptions = {},
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, options, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    const kill = (): void => void child.kill();
    process.once('exit', kill);
    let output = '';
    let errors = '';
    const [, stdout, stderr, status] = child.stdio as unknown as [null, Readable, Readable, Readable];
    stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    status.setEncoding('utf8').on('data', onStatus);
    child.on('error', cause => {
      process.off('exit', kill);
      reject(
        new MachineError('guest-unavailable', `cannot run ${program}`, {
          remedy: `install it, or ${elsewhere}`,
          cause,
        }),
      );
    });
    child.on('close', code => {
      process.off('exit', kill);
      resolve({ status: code ?? 1, output, errors });
    });
  });
}

/** Per cent of a download. */
export type OnAdvance = (percent: number) => void;

/** apt's own progress, as front-ends get it: `dlstatus:1:23.4567:Retrieving file 1 of 1`. */
const watch = (onAdvance: OnAdvance) => ({
  onStatus: (text: string): void => {
    const [, percent] = [...text.matchAll(/^dlstatus:\d+:([\d.]+):/gm)].at(-1) ?? [];
    if (percent !== undefined) onAdvance(Math.floor(Number(percent)));
  },
});

export class Apt {
  readonly #options: readonly string[];

  constructor(private readonly folder: string) {
    this.#options = [
      ['Dir::State', join(folder, 'state')],
      ['Dir::State::status', '/dev/null'],
      ['Dir::Cache', join(folder, 'cache')],
      ['APT::Architecture', 'amd64'],
      ['APT::Architectures', 'amd64'],
      ['APT::Sandbox::User', 'root'],
      ['Acquire::Languages', 'none'],
      ['Acquire::Retries', '2'],
      ['APT::Status-Fd', '3'],
    ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  }

  /** Answers what went wrong, if anything: one unreachable third-party source is no reason to stop. */
  async update(onAdvance: OnAdvance): Promise<string> {
    await mkdir(join(this.folder, 'state', 'lists', 'partial'), { recursive: true });
    await mkdir(join(this.folder, 'cache', 'archives', 'partial'), { recursive: true });
    const { errors } = await run('apt-get', [...this.#options, '-qq', 'update'], watch(onAdvance));
    return errors;
  }

  /** Names of the packages that this one directly depends on; undefined if there is no such package. */
  async dependencies(name: string): Promise<string[] | undefined> {
    const { status, output } = await run('apt-cache', [...this.#options, 'depends', '--no-recommends', name]);
    if (status !== 0 || !(await this.version(name))) return undefined;
    return [...output.matchAll(/^\s*\|?(?:Pre)?Depends: ([^<\s]+)$/gm)].map(match => match[1]);
  }

  async version(name: string): Promise<string | undefined> {
    const { output } = await run('apt-cache', [...this.#options, 'policy', name]);
    const version = /^\s*Candidate: (\S+)$/m.exec(output)?.[1];
    return version === '(none)' ? undefined : version;
  }

  /** In bytes, as it is downloaded. */
  async size(name: string): Promise<number> {
    const { output } = await run('apt-cache', [...this.#options, 'show', '--no-all-versions', name]);
    return Number(/^Size: (\d+)$/m.exec(output)?.[1] ?? 0);
  }

  /** Downloads a package and unpacks it into `target`, without installing anything. apt resumes and checks what it downloads. */
  async unpack(name: string, target: string, onAdvance: OnAdvance): Promise<void> {
    const archives = join(this.folder, 'archives', name);
    await mkdir(archives, { recursive: true });
    const { status, errors } = await run('apt-get', [...this.#options, '-qq', 'download', name], {
      folder: archives,
      ...watch(onAdvance),
    });
    if (status !== 0) throw unavailable(`cannot download the package ${name}`, errors);
    const version = (await this.version(name))!;
    const archive = join(archives, `${name}_${version.replaceAll(':', '%3a')}_amd64.deb`);
    const unpacked = await run('dpkg-deb', ['-x', archive, target]);
    if (unpacked.status !== 0) throw unavailable(`cannot unpack the package ${name}`, unpacked.errors);
  }
}

/** Of what a program complains about, the first is the cause; the rest is what followed from it. */
export const unavailable = (problem: string, details = ''): MachineError => {
  const [first] = details.trim().split('\n');
  return new MachineError('guest-unavailable', first ? `${problem}: ${first}` : problem, { remedy: elsewhere });
};
