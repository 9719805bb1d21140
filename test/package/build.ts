/**
 * Compiles the package into dist/: TypeScript's own compiler, and then imports by the folders' names (`#core`) become relative paths, so that
 * neither bundlers nor the compilers of users meet them. A build that fails leaves the last one in its place.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const target = join(root, 'dist');
/** Beside the target: source maps name the sources relative to it. */
const fresh = join(root, `dist-${process.pid}`);
const folders = ['core', 'devices', 'accelerators', 'machines', 'plugins'];

function compile(): boolean {
  const compiler = fileURLToPath(import.meta.resolve('typescript/package.json').replace(/package\.json$/, 'bin/tsc'));
  const options = [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', fresh];
  return spawnSync(process.execPath, options, { stdio: ['ignore', 2, 2] }).status === 0;
}

function relateImports(file: string): void {
  const text = readFileSync(file, 'utf8');
  const related = text.replace(/(\bfrom |\bimport\(|\bimport )(['"])#(\w+)\2/g, (whole, keyword, quote, folder) => {
    if (!folders.includes(folder)) return whole;
    const path = relative(dirname(file), join(fresh, folder, 'index.js'));
    return `${keyword}${quote}${path.startsWith('.') ? path : `./${path}`}${quote}`;
  });
  if (related !== text) writeFileSync(file, related);
}

function build(): boolean {
  try {
    if (!compile()) return false;
    for (const entry of readdirSync(fresh, { withFileTypes: true, recursive: true })) {
      if (/\.(js|d\.ts)$/.test(entry.name)) relateImports(join(entry.parentPath, entry.name));
    }
    // Whoever reads the old one meanwhile, reads it to its end.
    const old = `${fresh}-old`;
    rmSync(old, { recursive: true, force: true });
    try {
      renameSync(target, old);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    renameSync(fresh, target);
    rmSync(old, { recursive: true, force: true });
    return true;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

process.exitCode = build() ? 0 : 1;
