/** Each room has a README, which says what the room imports: this is checked against its files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test from 'ava';
import { files, importsOf, root, targetOf } from './support/imports.ts';

const tops = ['core', 'devices', 'accelerators', 'machines', 'plugins', 'cli'];

const foldersIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => join(folder, entry.name));

/** Folders that a reader enters by a README: the top ones, those of `core/board` and `core/processor`, and all in the others. */
const rooms = [
  ...tops.filter(top => top !== 'core'),
  'cli/host',
  'test/kit',
  ...['devices', 'accelerators', 'machines', 'core', 'core/board', 'core/processor'].flatMap(foldersIn),
];

const readmeOf = (room: string): string | undefined => {
  const path = join(root, room, 'README.md');
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
};

/**
 * How a README names what its room imports: `#core` across top folders; a room beside it by its name, `..` for the files beside the rooms; what is
 * farther away by its path in the top folder.
 */
function nameOf(room: string, specifier: string, target: string): string | undefined {
  if (specifier.startsWith('#')) return specifier;
  if (target.startsWith(`${room}/`)) return undefined;
  const house = dirname(room);
  if (target.startsWith(`${house}/`)) {
    const [next, ...rest] = target.slice(house.length + 1).split('/');
    return rest.length === 0 ? '..' : next;
  }
  return dirname(target).split('/').slice(1, 3).join('/') || '..';
}

/** As the line of the README has it. */
function importsLine(room: string): string {
  const names = new Set<string>();
  for (const found of files(room).flatMap(importsOf)) {
    const target = targetOf(found);
    const name = target === undefined ? undefined : nameOf(room, found.specifier, target);
    if (name !== undefined) names.add(name);
  }
  if (names.size === 0) return 'Imports: nothing.';
  return `Imports: ${[...names]
    .sort()
    .map(name => `\`${name}\``)
    .join(', ')}.`;
}

for (const room of rooms)
  test(`${room}/README.md says what the room is and what it imports`, t => {
    const text = readmeOf(room);
    if (text === undefined) return t.fail(`there is no ${room}/README.md`);
    t.regex(text, /^# \S+.*\n\n\S/, 'a title, and what it is');
    t.true(text.split('\n')[0].includes(basename(room)), 'the title names the room');
    const lines = text.split('\n').filter(line => /\bImports\b/.test(line));
    t.deepEqual(lines, [importsLine(room)]);
  });
