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

/** The half of core that devices are written against knows nothing of processors. */
const boardSide = ['framework', 'host', 'memory', 'bus', 'time', 'float'];

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
    /^(?:import|export)\b[^;']*?\bfrom\s+'([^']+)'|^import\s+'([^']+)'|(?<![.\w])import\('([^']+)'\)/gm,
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

test('what devices are written against knows nothing of processors', t => {
  const wrong = all.filter(({ file, specifier }) => {
    const [top, folder] = file.split('/');
    if (top !== 'core' || !boardSide.includes(folder!) || !specifier.startsWith('.')) return false;
    const [, target] = relative(root, resolve(root, dirname(file), specifier)).split('/');
    return !boardSide.includes(target!);
  });
  t.deepEqual(wrong, []);
});

test('across folders only the index of a top folder is imported, never one inside', t => {
  const inside = ['core/isa/index.ts', 'core/cpu/helpers/index.ts'];
  const wrong = all.filter(({ file, specifier }) => {
    if (!specifier.startsWith('.') || !specifier.endsWith('/index.ts')) return false;
    return !inside.includes(relative(root, resolve(root, dirname(file), specifier)));
  });
  t.deepEqual(wrong, []);
});
