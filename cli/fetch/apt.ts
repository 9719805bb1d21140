/** Debian's package tools as a library: private lists and archives, so that no root is needed and the host's state stays as it is. */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MachineError } from '#core';

export const elsewhere =
  'name a kernel and an initrd of your own with --kernel and --initrd, or run this on a Debian or Ubuntu system with network access';

interface Result {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs a program to its end; a program that does not exist is the user's to install. */
export function run(program: string, options: readonly string[], folder?: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, options, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.on('error', cause => {
      reject(
        new MachineError('guest-unavailable', `cannot run ${program}`, {
          remedy: `install it, or ${elsewhere}`,
          cause,
        }),
      );
    });
    child.on('close', code => resolve({ status: code ?? 1, output, errors }));
  });
}

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
    ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  }

  /** Answers what went wrong, if anything: one unreachable third-party source is no reason to stop. */
  async update(): Promise<string> {
    await mkdir(join(this.folder, 'state', 'lists', 'partial'), { recursive: true });
    await mkdir(join(this.folder, 'cache', 'archives', 'partial'), { recursive: true });
    const { errors } = await run('apt-get', [...this.#options, '-qq', 'update']);
    return errors;
  }

  /** Names of the packages that this one directly depends on; undefined if there is no such package. */
  async dependencies(name: string): Promise<string[] | undefined> {
    const { status, output } = await run('apt-cache', [...this.#options, 'depends', '--no-recommends', name]);
    if (status !== 0 || !(await this.version(name))) return undefined;
    return [...output.matchAll(/^\s*\|?(?:Pre)?Depends: ([^<\s]+)$/gm)].map(match => match[1]!);
  }

  async version(name: string): Promise<string | undefined> {
    const { output } = await run('apt-cache', [...this.#options, 'policy', name]);
    const version = /^\s*Candidate: (\S+)$/m.exec(output)?.[1];
    return version === '(none)' ? undefined : version;
  }

  /** Downloads a package and unpacks it into `target`, without installing anything. apt resumes and checks what it downloads. */
  async unpack(name: string, target: string): Promise<void> {
    const archives = join(this.folder, 'archives', name);
    await mkdir(archives, { recursive: true });
    const { status, errors } = await run('apt-get', [...this.#options, '-qq', 'download', name], archives);
    if (status !== 0) throw unavailable(`cannot download the package ${name}`, errors);
    const version = (await this.version(name))!;
    const archive = join(archives, `${name}_${version.replaceAll(':', '%3a')}_amd64.deb`);
    const unpacked = await run('dpkg-deb', ['-x', archive, target]);
    if (unpacked.status !== 0) throw unavailable(`cannot unpack the package ${name}`, unpacked.errors);
  }
}

export const unavailable = (problem: string, details = ''): MachineError => {
  const last = details.trim().split('\n').at(-1);
  return new MachineError('guest-unavailable', last ? `${problem}: ${last}` : problem, { remedy: elsewhere });
};
