import { spawnSync } from 'node:child_process';
import test from 'ava';
import { cpio } from '../../../machines/boot/cpio.ts';
import { needs } from '../../support/needs.ts';

const archive = cpio([
  { kind: 'file', path: '/init', content: '#!/bin/sh\n', mode: 0o755 },
  { kind: 'file', path: 'usr/share/odd', content: new Uint8Array([1, 2, 3, 4, 5]) },
  { kind: 'link', path: 'bin/sh', target: 'busybox' },
  { kind: 'directory', path: 'tmp', mode: 0o1777 },
  { kind: 'device', path: 'dev/console', type: 'character', major: 5, minor: 1 },
  { kind: 'device', path: 'dev/vda', type: 'block', major: 254, minor: 0, mode: 0o660 },
]);

const gnuTest = needs('cpio');

gnuTest('GNU cpio lists what went in', t => {
  const { stdout, status } = spawnSync('cpio', ['-itv', '--numeric-uid-gid', '--quiet'], {
    input: archive,
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
  });
  t.is(status, 0);
  const listing = stdout
    .trim()
    .split('\n')
    .map(line => line.replace(/\s+/g, ' '));
  t.deepEqual(listing, [
    '-rwxr-xr-x 1 0 0 10 Jan 1 1970 init',
    'drwxr-xr-x 2 0 0 0 Jan 1 1970 usr',
    'drwxr-xr-x 2 0 0 0 Jan 1 1970 usr/share',
    '-rw-r--r-- 1 0 0 5 Jan 1 1970 usr/share/odd',
    'drwxr-xr-x 2 0 0 0 Jan 1 1970 bin',
    'lrwxrwxrwx 1 0 0 7 Jan 1 1970 bin/sh -> busybox',
    'drwxrwxrwt 2 0 0 0 Jan 1 1970 tmp',
    'drwxr-xr-x 2 0 0 0 Jan 1 1970 dev',
    'crw------- 1 0 0 5, 1 Jan 1 1970 dev/console',
    'brw-rw---- 1 0 0 254, 0 Jan 1 1970 dev/vda',
  ]);
});

/** buffer-format.rst: only the name and its length are not zero; GNU cpio writes one link as well. */
test('the trailer is one to the byte', t => {
  const text = new TextDecoder().decode(archive);
  const at = text.lastIndexOf('070701');
  const fields = Array.from({ length: 13 }, (_, index) => Number.parseInt(text.substr(at + 6 + index * 8, 8), 16));
  t.deepEqual(fields, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0]);
  t.is(text.substr(at + 110, 11), 'TRAILER!!!\0');
});

gnuTest('GNU cpio reads the content back', t => {
  const { stdout } = spawnSync('cpio', ['-i', '--to-stdout', '--quiet', 'usr/share/odd'], { input: archive });
  t.deepEqual([...stdout], [1, 2, 3, 4, 5]);
});

test('is deterministic and padded to 512 bytes', t => {
  const entries = [{ kind: 'file', path: 'a/b', content: 'x' }] as const;
  t.deepEqual(cpio(entries), cpio(entries));
  t.is(cpio(entries).length % 512, 0);
});

test('an explicit directory keeps its mode wherever it stands', t => {
  const text = new TextDecoder().decode(
    cpio([
      { kind: 'file', path: 'root/.profile', content: '' },
      { kind: 'directory', path: 'root', mode: 0o700 },
    ]),
  );
  t.true(text.startsWith('07070100000001000041c0'));
  t.is(text.split('root\0').length - 1, 1);
});
