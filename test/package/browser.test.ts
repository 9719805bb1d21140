/** The page of examples/browser boots Debian's kernel in Chromium, from Vite's bundle of the packed package. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { guestPaths } from '../../cli/fetch/cache.ts';
import { needs } from '../support/needs.ts';
import { project } from './installed.ts';

const pictures = fileURLToPath(new URL('../../.cache/pictures/', import.meta.url));
const browserTest = existsSync(guestPaths().manifest) ? needs('chromium') : test.skip;

browserTest('a page boots Debian to a shell that answers, and shows it', async t => {
  const page = await project(t, new URL('../../examples/browser/', import.meta.url));
  const fetched = page.node('guest.js');
  t.is(fetched.status, 0, fetched.stderr);
  const checked = page.node('../../node_modules/typescript-7/bin/tsc');
  t.is(checked.status, 0, checked.stdout);
  const built = page.npx('vite', 'build');
  t.is(built.status, 0, built.stderr);

  mkdirSync(pictures, { recursive: true });
  const picture = `${pictures}/chromium.png`;
  const driver = await project(t, 'chromium');
  const chromium = spawnSync('which', ['chromium'], { encoding: 'utf8' }).stdout.trim();
  const { status, stdout, stderr } = driver.node('drive.js', `${page.folder}/dist`, chromium, picture);
  t.is(status, 0, stderr);
  t.regex(stdout, /^<42> on x86_64 *\nLinux *\nroot@virt64:~# *$/m);
  t.true(statSync(picture).size > 2000);
});
