/** index.ts names what the folders export, one by one: nothing is forgotten, nothing is public by accident. */
import { readFileSync } from 'node:fs';
import test from 'ava';

const folders = ['accelerators', 'core', 'devices', 'machines', 'plugins'];

function exportsOf(file: string): string[] {
  const source = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  return [...source.matchAll(/export (type )?\{([^}]*)\} from/g)].flatMap(([, all, names]) =>
    names!
      .split(',')
      .map(name => name.trim())
      .filter(Boolean)
      .map(
        name => (all || name.startsWith('type ') ? 'type ' : '') + name.replace(/^type /, '').replace(/^.* as /, ''),
      ),
  );
}

test('index.ts has every name of the folders, and no other', t => {
  const expected = folders.flatMap(folder => exportsOf(`${folder}/index.ts`)).sort();
  t.deepEqual(exportsOf('index.ts').sort(), expected);
  t.is(new Set(expected).size, expected.length);
});

test('nobody exports everything', t => {
  for (const file of ['index.ts', ...folders.map(folder => `${folder}/index.ts`)]) {
    t.notRegex(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'), /export \*/);
  }
});
