/** The layering of the source tree, read from its imports. */
import { dirname, relative, resolve } from 'node:path';
import test from 'ava';
import { files, importsOf, root } from './support/imports.ts';

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
const packages = ['eventemitter3', 'tsyringe', 'reflect-metadata/lite'];

/**
 * The rooms of core, each with the rooms that it may import, which stand before it. The board is what devices and accelerators are written
 * against; it knows nothing of processors.
 */
const rooms: Readonly<Record<string, readonly string[]>> = {
  'board/framework': [],
  'board/host': ['board/framework'],
  'board/memory': ['board/framework'],
  'board/time': ['board/framework'],
  'board/bus': ['board/framework', 'board/host', 'board/memory', 'board/time'],
  'processor/float': [],
  'processor/state': ['board/framework'],
  'processor/memory': ['board/framework', 'processor/state'],
  'processor/ir': ['processor/state'],
  'processor/isa': ['processor/ir', 'processor/state'],
  'processor/decode': ['board/framework', 'processor/isa', 'processor/state'],
  'processor/evaluator': ['processor/decode', 'processor/ir', 'processor/state'],
  'processor/wasm': ['processor/ir', 'processor/state'],
  'processor/mmu': ['processor/memory', 'processor/state', 'processor/wasm'],
  'processor/interpreter': [
    'processor/decode',
    'processor/ir',
    'processor/isa',
    'processor/memory',
    'processor/state',
    'processor/wasm',
  ],
  'processor/jit': [
    'processor/interpreter',
    'processor/ir',
    'processor/isa',
    'processor/memory',
    'processor/state',
    'processor/wasm',
  ],
  'processor/cpu': [
    'board/bus',
    'board/framework',
    'board/host',
    'processor/decode',
    'processor/evaluator',
    'processor/float',
    'processor/interpreter',
    'processor/ir',
    'processor/isa',
    'processor/jit',
    'processor/memory',
    'processor/mmu',
    'processor/state',
    'processor/wasm',
  ],
};

const all = Object.keys(allowed).flatMap(folder => files(folder).flatMap(importsOf));
const topOf = (file: string): string => file.split('/')[0];

test('folders import only whom they may', t => {
  const wrong = all.filter(
    ({ file, specifier }) => specifier.startsWith('#') && !allowed[topOf(file)].includes(specifier),
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

test('what ships of test knows no runner and nothing that does not ship', t => {
  const shipped = ['#accelerators', '#core', '#devices', '#machines'];
  const wrong = files('test/kit')
    .flatMap(importsOf)
    .filter(({ file, specifier }) => {
      if (!specifier.startsWith('.')) return !shipped.includes(specifier);
      return !relative(root, resolve(root, dirname(file), specifier)).startsWith('test/kit/');
    });
  t.deepEqual(wrong, []);
});

test('only core/board/framework knows the injection container', t => {
  const wrong = all.filter(
    ({ file, specifier }) =>
      /^(tsyringe|reflect-metadata.*)$/.test(specifier) && !file.startsWith('core/board/framework/'),
  );
  t.deepEqual(wrong, []);
});

const roomOf = (file: string): string => file.split('/').slice(1, 3).join('/');

test('rooms of core import only rooms that stand before them', t => {
  const order = Object.keys(rooms);
  for (const [room, before] of Object.entries(rooms))
    t.true(
      before.every(other => order.indexOf(other) < order.indexOf(room)),
      room,
    );
  const wrong = all.filter(({ file, specifier }) => {
    if (topOf(file) !== 'core' || file === 'core/index.ts' || !specifier.startsWith('.')) return false;
    const target = roomOf(relative(root, resolve(root, dirname(file), specifier)));
    return target !== roomOf(file) && !rooms[roomOf(file)]?.includes(target);
  });
  t.deepEqual(wrong, []);
});

test('every room of core is used as the table says', t => {
  const used = new Set(
    all
      .filter(({ file, specifier }) => topOf(file) === 'core' && specifier.startsWith('.'))
      .map(
        ({ file, specifier }) => `${roomOf(file)} ${roomOf(relative(root, resolve(root, dirname(file), specifier)))}`,
      ),
  );
  const unused = Object.entries(rooms).flatMap(([room, others]) =>
    others.map(other => `${room} ${other}`).filter(arrow => !used.has(arrow)),
  );
  t.deepEqual(unused, []);
});

test('across folders only the index of a top folder is imported, never one inside', t => {
  const inside = ['core/processor/isa/index.ts', 'core/processor/cpu/helpers/index.ts'];
  const wrong = all.filter(({ file, specifier }) => {
    if (!specifier.startsWith('.') || !specifier.endsWith('/index.ts')) return false;
    return !inside.includes(relative(root, resolve(root, dirname(file), specifier)));
  });
  t.deepEqual(wrong, []);
});
