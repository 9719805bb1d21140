/** The layering of the source tree, read from its imports. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Who may import whom. Everything else is forbidden, however convenient. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  devices: ['#core'],
  accelerators: ['#core'],
  plugins: ['#core'],
  machines: ['#core', '#devices', '#accelerators'],
};

/** Run in a browser: no Node modules at all. */
const browser = ['core', 'devices', 'accelerators', 'machines', 'plugins'];

/** Packages that these folders use. */
const packages = ['eventemitter3', 'tsyringe', 'reflect-metadata'];

/** Inside core, a folder imports only those to its left, and itself. */
const layers = [
  ['framework'],
  ['host', 'memory', 'bus', 'time', 'float'],
  ['state', 'ir', 'isa', 'wasm', 'decode', 'mmu', 'interpreter', 'jit', 'cpu'],
];

interface Import {
  readonly file: string;
  readonly specifier: string;
}

function files(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => relative(root, join(entry.parentPath, entry.name)));
}

function importsOf(file: string): Import[] {
  const source = readFileSync(join(root, file), 'utf8');
  const statements = source.matchAll(
    /^(?:import|export)\b[^;']*?\bfrom\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gm,
  );
  return [...statements].map(match => ({ file, specifier: (match[1] ?? match[2] ?? match[3])! }));
}

const all = Object.keys(allowed).flatMap(folder => files(folder).flatMap(importsOf));
const topOf = (file: string): string => file.split('/')[0]!;

test('folders import only whom they may', t => {
  const wrong = all.filter(
    ({ file, specifier }) => specifier.startsWith('#') && !allowed[topOf(file)]!.includes(specifier),
  );
  t.deepEqual(wrong, []);
});

test('no relative import climbs out of its top folder', t => {
  const wrong = all.filter(({ file, specifier }) => {
    if (!specifier.startsWith('.')) return false;
    const target = relative(root, resolve(root, dirname(file), specifier));
    return topOf(target) !== topOf(file);
  });
  t.deepEqual(wrong, []);
});

test('nothing that runs in a browser imports from Node, and packages are few', t => {
  const wrong = all.filter(
    ({ file, specifier }) =>
      browser.includes(topOf(file)) &&
      !specifier.startsWith('.') &&
      !specifier.startsWith('#') &&
      !packages.includes(specifier),
  );
  t.deepEqual(wrong, []);
});

test('only core/framework knows the injection container', t => {
  const wrong = all.filter(
    ({ file, specifier }) => /^(tsyringe|reflect-metadata)$/.test(specifier) && !file.startsWith('core/framework/'),
  );
  t.deepEqual(wrong, []);
});

test('core is layered', t => {
  const layerOf = (folder: string): number => layers.findIndex(layer => layer.includes(folder));
  const wrong = all.filter(({ file, specifier }) => {
    if (topOf(file) !== 'core' || !specifier.startsWith('.') || !file.includes('/', 5)) return false;
    const source = readFileSync(join(root, file), 'utf8');
    const typeOnly = new RegExp(`import type [^;]*'${specifier.replaceAll('.', '\\.')}'`).test(source);
    const target = relative(root, resolve(root, dirname(file), specifier));
    const [, from] = file.split('/');
    const [, to] = target.split('/');
    return !typeOnly && layerOf(to!) > layerOf(from!) && from !== 'bus';
  });
  t.deepEqual(wrong, []);
});

test('files import each other, never an index', t => {
  const wrong = all.filter(({ specifier }) => specifier.startsWith('.') && specifier.endsWith('/index.ts'));
  t.deepEqual(
    wrong.filter(
      ({ specifier, file }) => !file.includes('isa/') && !specifier.includes('isa/') && !specifier.includes('helpers/'),
    ),
    [],
  );
});
