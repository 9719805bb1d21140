/** Tests in namespaces of their own, as containers have: of process numbers, and of mounts. Skipped where the system forbids them. */
import { spawnSync } from 'node:child_process';
import test from 'ava';

const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];

/** In front of a command: process numbers begin anew; who kills `unshare` kills it, too. */
export const newProcesses = ['unshare', ...asRoot, '--pid', '--fork', '--mount-proc', '--kill-child=SIGKILL', '--'];

/** In front of a command: what it mounts is its own. */
export const newMounts = ['unshare', ...asRoot, '--mount', '--'];

const works = ([program, ...args]: readonly string[]): boolean =>
  spawnSync(program!, args, { stdio: 'ignore' }).status === 0;

export const inNewProcesses: typeof test.skip = works([...newProcesses, 'true']) ? test : test.skip;

const mount = 'mount -t tmpfs -o size=64k none /tmp';
export const inNewMounts: typeof test.skip = works([...newMounts, 'sh', '-c', mount]) ? test : test.skip;
