/** The package as a user has it: packed, and unpacked below a folder's node_modules. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

function perform(program: string, args: readonly string[], folder: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args[0]}: ${error?.message ?? stderr.trim()}`);
}

/** Answers the package's folder. What it depends on is this checkout's. */
export function installPackage(folder: string): string {
  const modules = join(folder, 'node_modules');
  const installed = join(modules, 'virt64');
  mkdirSync(installed, { recursive: true });
  const archive = perform('npm', ['pack', '--silent', '--pack-destination', folder], root).trim().split('\n').at(-1)!;
  perform('tar', ['xzf', join(folder, archive), '-C', installed, '--strip-components=1'], folder);
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) symlinkSync(join(root, 'node_modules', name), join(modules, name));
  return installed;
}
