/**
 * Compiles the package into dist/. TypeScript's own compiler makes JavaScript and declarations. Then imports by the folders' names (`#core`)
 * become relative paths, so that neither bundlers nor the compilers of users meet them; and the modules are joined, since Node takes half a
 * millisecond for each of 600 files. A build that fails leaves the last one in its place.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Plugin, rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../../', import.meta.url));
const target = join(root, 'dist');
/** Beside the target: source maps name the sources relative to it. */
const fresh = join(root, `dist-${process.pid}`);
const configuration = join(root, 'tsconfig.build.json');
const folders = ['core', 'devices', 'accelerators', 'machines', 'plugins'];

function compile(): boolean {
  const compiler = fileURLToPath(import.meta.resolve('typescript/package.json').replace(/package\.json$/, 'bin/tsc'));
  const options = [compiler, '-p', configuration, '--outDir', fresh];
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

const files = (pattern: RegExp): string[] =>
  readdirSync(fresh, { withFileTypes: true, recursive: true })
    .filter(({ name }) => pattern.test(name))
    .map(({ parentPath, name }) => join(parentPath, name));

/** So that maps of what is joined lead to the sources. */
const withMaps: Plugin = {
  name: 'source maps of the compiler',
  load: id =>
    id.startsWith(fresh) ? { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') } : null,
};

/** What is imported for what it does. It stays a file of its own, since package.json names it. */
const polyfill = 'core/board/framework/reflect';

/** A file for each entry point, and what they share. */
async function joinModules(): Promise<void> {
  const entries: string[] = JSON.parse(readFileSync(configuration, 'utf8')).files;
  const names = [...entries.map(file => file.replace(/\.ts$/, '')), polyfill];
  await using bundle = await rolldown({
    input: Object.fromEntries(names.map(name => [name, join(fresh, `${name}.js`)])),
    platform: 'node',
    external: id => !id.startsWith('.') && !id.startsWith(fresh),
    treeshake: { moduleSideEffects: id => id.startsWith('reflect-metadata') || id === join(fresh, `${polyfill}.js`) },
    plugins: [withMaps],
    experimental: { attachDebugInfo: 'none' },
  });
  const compiled = files(/\.js(\.map)?$/);
  const { output } = await bundle.generate({
    dir: fresh,
    format: 'esm',
    sourcemap: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
    comments: false,
  });
  for (const file of compiled) rmSync(file);
  mkdirSync(join(fresh, 'shared'), { recursive: true });
  for (const part of output) {
    const file = join(fresh, part.fileName);
    writeFileSync(file, part.type === 'chunk' ? part.code : part.source);
  }
}

async function build(): Promise<boolean> {
  try {
    if (!compile()) return false;
    for (const file of files(/\.(js|d\.ts)$/)) relateImports(file);
    await joinModules();
    replaceTarget();
    return true;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Whoever reads the old one meanwhile, reads it to its end. */
function replaceTarget(): void {
  const old = `${fresh}-old`;
  try {
    renameSync(target, old);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  renameSync(fresh, target);
  rmSync(old, { recursive: true, force: true });
}

process.exitCode = (await build()) ? 0 : 1;
