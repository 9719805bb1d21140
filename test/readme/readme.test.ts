/**
 * What READMEs show is so. TypeScript and JavaScript are type-checked and run, after a prelude (preludes/) that gives what the README does not
 * show; JSON is read; commands exist, and their options do. The word `not-run` behind the fence leaves out the running; `file=PATH` says that the
 * block is that file, which other tests run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { guestPaths } from '../../cli/fetch/cache.ts';
import { type Block, blocksOf, readmes, root } from './blocks.ts';
import { complaintOf } from './commands.ts';
import { moduleOf } from './modules.ts';

const blocks = readmes().flatMap(blocksOf);
const languages = ['ts', 'js', 'json', 'sh', 'text'];
const placeOf = ({ file, line }: Block): string => `${file}:${line}`;
/** The file that a block shows, if it shows one. */
const shownBy = ({ marks }: Block): string | undefined =>
  marks.find(mark => mark.startsWith('file='))?.slice('file='.length);
const isCode = (block: Block): boolean =>
  (block.language === 'ts' || block.language === 'js') && shownBy(block) === undefined;

/** In this folder `#core` and `virt64` are what they are in the checkout, and its tsconfig.json holds. */
const folder = mkdtempSync(fileURLToPath(new URL('run-', import.meta.url)));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const files = new Map<Block, string>();
for (const block of blocks.filter(isCode)) {
  const file = join(folder, `${placeOf(block).replace(/\W+/g, '-')}.${block.language}`);
  writeFileSync(file, moduleOf(block, folder));
  files.set(block, file);
}

test('each block says what it is', t => {
  t.deepEqual(blocks.filter(({ language }) => !languages.includes(language)).map(placeOf), []);
});

for (const block of blocks) {
  const shown = shownBy(block);
  if (shown === undefined) continue;
  test(`${placeOf(block)} is ${shown}`, t => {
    t.is(block.text, readFileSync(join(root, shown), 'utf8'));
  });
}

test('TypeScript in READMEs passes the compiler', t => {
  const configuration = {
    extends: '../../../tsconfig.json',
    compilerOptions: { allowJs: true, noUnusedLocals: false },
    include: ['.'],
    exclude: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(configuration));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], {
    encoding: 'utf8',
  });
  t.is(status, 0, stdout);
});

// What they print is for their readers.
console.log = () => {};

for (const [block, file] of files) {
  if (block.marks.includes('not-run')) continue;
  const runs = block.text.includes('await guest(') && !existsSync(guestPaths().manifest) ? test.skip : test;
  runs(`${placeOf(block)} runs`, async t => {
    await t.notThrowsAsync(import(file));
  });
}

for (const block of blocks.filter(({ language }) => language === 'json'))
  test(`${placeOf(block)} is JSON`, t => {
    t.notThrows(() => JSON.parse(block.text));
  });

for (const block of blocks.filter(({ language }) => language === 'sh'))
  test(`${placeOf(block)}: its commands exist`, t => {
    const lines = block.text.split('\n').filter(line => line.trim() !== '');
    t.deepEqual(
      lines.map(line => complaintOf(line, block.file)).filter(complaint => complaint !== undefined),
      [],
    );
  });
