/** On a Node that is too old there is a sentence instead of a syntax error, whichever way the program is started. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const path = (file: string): string => fileURLToPath(new URL(`../../cli/${file}`, import.meta.url));

/** Pretends to be another Node, without what only newer ones have. */
function nodeNamed(version: string, ...args: string[]) {
  const pretence = `
    import nodeModule, { syncBuiltinESMExports } from 'node:module';
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });
    if ('${version}' < '22') { delete nodeModule.registerHooks; syncBuiltinESMExports(); }`;
  return spawnSync(process.execPath, [`--import=data:text/javascript,${encodeURIComponent(pretence)}`, ...args], {
    encoding: 'utf8',
  });
}

test('versions that do not do', t => {
  for (const version of ['20.20.2', '24.11.9', '25.3.0']) {
    for (const args of [
      [path('bin.js'), '--version'],
      [`--import=${path('register.js')}`, '-e', '0'],
    ]) {
      const { status, stderr } = nodeNamed(version, ...args);
      t.is(status, 69, stderr);
      t.regex(stderr, new RegExp(`^virt64 needs Node 24\\.12.*; this is ${version}\\.\n`));
      t.regex(stderr, /npm install node@26/);
    }
  }
});

test('versions that do', t => {
  for (const version of ['24.12.0', '24.20.0', '26.0.0', '30.1.0']) {
    t.is(nodeNamed(version, path('bin.js'), '--version').status, 0, version);
  }
});
