/**
 * Projects as users have them: what lies in projects/, copied below a folder in which npm has installed the packed package. The tools that they
 * share are installed in the folder above. Both stay in the cache; the names of the folders follow from what is in them.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { withLock } from '../../cli/fetch/lock.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const sources = fileURLToPath(new URL('projects/', import.meta.url));
const cache = join(root, '.cache', 'projects');

/** The Node that runs this one first, and nothing of what npm tells its children. */
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_OPTIONS$/.test(name))),
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
  NO_COLOR: '1',
};

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(folder: string, program: string, args: readonly string[]): Ended {
  const options = { cwd: folder, env: environment, encoding: 'utf8', timeout: 300_000 } as const;
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  return { status, stdout, stderr: error ? `${error.message}\n${stderr}` : stderr };
}

function npm(folder: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = run(folder, 'npm', [...args, '--no-audit', '--no-fund']);
  if (status !== 0) throw new Error(`npm ${args.join(' ')}:\n${stderr}${stdout}`);
  return stdout;
}

/** Of all these files, or of all files below these folders. */
function hashOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  const add = (path: string): void => {
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name));
    else hash.update(path).update(readFileSync(path));
  };
  for (const path of paths) add(path);
  return hash.digest('hex').slice(0, 16);
}

const installing = ['--ignore-scripts', '--prefer-offline'];

/** The folder `node_modules` of which has what projects are made with: compilers, bundlers, test runners. */
function installTools(): string {
  const files = ['package.json', 'package-lock.json'];
  const folder = join(cache, hashOf(files.map(file => join(sources, file))));
  if (existsSync(join(folder, 'complete'))) return folder;
  mkdirSync(folder, { recursive: true });
  for (const file of files) cpSync(join(sources, file), join(folder, file));
  npm(folder, 'ci', ...installing);
  writeFileSync(join(folder, 'complete'), '');
  return folder;
}

/** What is packed, and what compiles it. */
function packedFiles(): string[] {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: readonly string[] };
  const others = ['README.md', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'test/package/build.ts'];
  return [...files.filter(file => file !== 'dist'), ...others].map(file => join(root, file));
}

/** A folder below that of the tools, in which `npm install` has put the packed package. */
function installPackage(tools: string): string {
  const folder = join(tools, hashOf(packedFiles()));
  if (existsSync(join(folder, 'complete'))) return folder;
  removeOldest(tools);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const packed = npm(root, 'pack', '--silent', '--pack-destination', folder);
  npm(folder, 'install', `./${packed.trim().split('\n').at(-1)}`, ...installing);
  writeFileSync(join(folder, 'complete'), '');
  return folder;
}

/** So that the cache does not grow with each change: two packages stay beside the new one. */
function removeOldest(tools: string): void {
  const installed = readdirSync(tools, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && entry.name !== 'node_modules')
    .map(({ name }) => join(tools, name))
    .sort((left, right) => statSync(right).mtimeMs - statSync(left).mtimeMs);
  for (const folder of installed.slice(2)) rmSync(folder, { recursive: true, force: true });
}

/** The folder that has `node_modules/virt64`. */
export async function installed(): Promise<string> {
  mkdirSync(cache, { recursive: true });
  return withLock(join(cache, 'lock'), async () => installPackage(installTools()));
}

/** What npm has packed. */
export async function tarball(): Promise<string> {
  const folder = await installed();
  return join(folder, readdirSync(folder).find(file => file.endsWith('.tgz'))!);
}

export class Project {
  constructor(readonly folder: string) {}

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true });
    writeFileSync(join(this.folder, file), text);
  }

  /** Takes a file of another project. */
  borrow(file: string, target: string): void {
    this.write(target, readFileSync(join(sources, file), 'utf8'));
  }

  /** What lies in a folder of it. */
  inside(folder: string): Project {
    return new Project(join(this.folder, folder));
  }

  node(...args: readonly string[]): Ended {
    return run(this.folder, process.execPath, args);
  }

  npx(...args: readonly string[]): Ended {
    return run(this.folder, 'npx', ['--offline', ...args]);
  }
}

/** A copy of a folder, by its name in projects/ or by its place, or an empty one. It lives as long as the test. */
export async function project(t: ExecutionContext, source?: string | URL): Promise<Project> {
  t.timeout(600_000);
  const folder = mkdtempSync(join(await installed(), 'project-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  if (source !== undefined) {
    cpSync(typeof source === 'string' ? join(sources, source) : fileURLToPath(source), folder, { recursive: true });
  }
  return new Project(folder);
}
