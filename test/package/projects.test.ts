/** Ordinary projects on the installed package: compilers, loaders, bundlers and test runners as their users set them. */
import { existsSync, readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { guestPaths } from '../../cli/fetch/cache.ts';
import { blocksOf } from '../readme/blocks.ts';
import { type Ended, project } from './installed.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** What each program of projects/ prints: its guest has rung the bell three times, and has left with 33. */
const rung = "{ kind: 'exit', code: 67 } 3\n";

const prints = (t: ExecutionContext, { status, stdout, stderr }: Ended, text: string): void => {
  t.is(stdout, text, stderr);
  t.is(status, 0, stderr);
};

const succeeds = (t: ExecutionContext, { status, stdout, stderr }: Ended): void => {
  t.is(status, 0, stdout + stderr);
};

const compilers = ['5.9', '6', '7'];
const compilerOf = (version: string): string => `../../node_modules/typescript-${version}/bin/tsc`;

test.serial('plain JavaScript', async t => {
  const app = await project(t, 'plain');
  prints(t, app.node('program.js'), rung);
});

test.serial('TypeScript whose types Node takes away', async t => {
  const app = await project(t, 'types');
  prints(t, app.node('program.ts'), rung);
});

test.serial('TypeScript through tsx', async t => {
  const app = await project(t, 'types');
  prints(t, app.npx('tsx', 'program.ts'), rung);
});

for (const version of compilers) {
  const compiler = compilerOf(version);

  test.serial(`TypeScript ${version} with what tsc --init writes, all declarations checked`, async t => {
    const app = await project(t, 'types');
    succeeds(t, app.node(compiler, '--init'));
    succeeds(t, app.node(compiler, '--skipLibCheck', 'false', '--outDir', 'out'));
    prints(t, app.node('out/program.js'), rung);
  });

  test.serial(`TypeScript ${version} with the settings of Vite's template, all declarations checked`, async t => {
    const page = await project(t, 'vite');
    page.borrow('types/program.ts', 'src/program.ts');
    page.borrow('types/entries.ts', 'src/entries.ts');
    succeeds(t, page.node(compiler, '--skipLibCheck', 'false'));
  });

  test.serial(`TypeScript ${version} with decorators`, async t => {
    const app = await project(t, 'decorators');
    succeeds(t, app.node(compiler, '--skipLibCheck', 'false', '--outDir', 'out'));
    prints(t, app.node('out/program.js'), rung);
  });
}

test.serial('a mistake is seen by its types', async t => {
  const page = await project(t, 'vite');
  page.write('src/wrong.ts', "import { build } from 'virt64';\nbuild(64);\n");
  t.regex(page.node(compilerOf('7')).stdout, /wrong\.ts.*TS2345/);
});

test.serial('decorators through tsx, and through virt64/register', async t => {
  const app = await project(t, 'decorators');
  prints(t, app.npx('tsx', 'program.ts'), rung);
  prints(t, app.node('--import', 'virt64/register', 'program.ts'), rung);
});

test.serial('a bundle of Vite runs', async t => {
  const page = await project(t, 'vite');
  page.borrow('types/program.ts', 'src/program.ts');
  succeeds(t, page.npx('vite', 'build'));
  prints(t, page.node('dist/program.js'), rung);
});

test.serial('a bundle of esbuild runs', async t => {
  const app = await project(t, 'types');
  succeeds(t, app.npx('esbuild', 'program.ts', '--bundle', '--minify', '--format=esm', '--outfile=bundle.js'));
  prints(t, app.node('bundle.js'), rung);
});

test.serial('ava', async t => {
  const { status, stdout, stderr } = (await project(t, 'ava')).npx('ava');
  t.regex(stdout, /1 test passed/, stderr);
  t.is(status, 0);
});

test.serial('vitest', async t => {
  const tested = await project(t, 'vitest');
  tested.borrow('types/program.ts', 'program.ts');
  const { status, stdout, stderr } = tested.npx('vitest', 'run');
  t.regex(stdout, /Tests +2 passed/, stderr);
  t.is(status, 0);
});

test.serial("Node's own test runner", async t => {
  const { status, stdout, stderr } = (await project(t, 'node-test')).node('--test');
  t.regex(stdout, /pass 1\n/, stderr);
  t.is(status, 0);
});

const readmeTest = existsSync(guestPaths().manifest) ? test.serial : test.serial.skip;

readmeTest('the program of the README boots Linux', async t => {
  const app = await project(t, 'types');
  app.write('readme.ts', blocksOf('README.md').find(({ language }) => language === 'ts')!.text);
  const { status, stdout, stderr } = app.node('readme.ts');
  t.regex(stdout, /Linux virt64 [\s\S]*\{ kind: 'powerOff' \}\n$/, stderr);
  t.is(status, 0);
});

test.serial('the program virt64 by npx', async t => {
  const app = await project(t);
  prints(t, app.npx('virt64', '--version'), `${version}\n`);
  t.regex(app.npx('virt64', 'run', '--machine', 'toyvirt').stdout, /paging: ok/);
});
