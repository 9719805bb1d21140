import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { busyboxInitramfs, type InitramfsOptions } from '../../../machines/boot/busybox-initramfs.ts';
import { needs } from '../../support/needs.ts';

const gnuTest = needs('cpio');
const bytes = (text: string) => new TextEncoder().encode(text);

/** Unpacks an archive with GNU cpio (but for its devices, which need root) and hands a reader to the test. */
const unpacked = test.macro(
  (t, options: InitramfsOptions, check: (read: (path: string) => string, is: typeof t.is) => void) => {
    const folder = mkdtempSync(join(tmpdir(), 'virt64-initramfs-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const command = ['-id', '--quiet', '--nonmatching', 'dev/*'];
    const { status, stderr } = spawnSync('cpio', command, {
      cwd: folder,
      input: busyboxInitramfs(bytes('ELF'), options),
      encoding: 'utf8',
    });
    t.is(status, 0, stderr);
    t.is(spawnSync('sh', ['-n', join(folder, 'init')]).status, 0, 'init is no shell script');
    check(path => readFileSync(join(folder, path), 'utf8'), t.is);
  },
);

gnuTest('holds busybox and an interactive init', unpacked, { hostname: "o'hara" }, (read, is) => {
  is(read('bin/busybox'), 'ELF');
  is(read('init').includes("hostname 'o'\\''hara'"), true);
  is(read('init').includes('setsid cttyhack sh -l\npoweroff -f\n'), true);
  is(read('etc/profile').includes("PS1='\\u@\\h:\\w\\$ '"), true);
});

gnuTest('runs a script instead', unpacked, { script: 'echo hi\n' }, (read, is) => {
  is(read('script'), 'echo hi\n');
  is(read('init').includes('sh /script'), true);
  is(read('init').includes('cttyhack'), false);
});

const modules = {
  release: '6.1.0',
  load: ['disk'],
  modules: [
    { name: 'ring', content: bytes('ring'), dependencies: ['base'] },
    { name: 'base', content: bytes('base'), dependencies: [] },
    { name: 'disk', content: bytes('disk'), dependencies: ['base', 'ring'] },
    { name: 'loop_a', content: bytes('a'), dependencies: ['loop_b'] },
    { name: 'loop_b', content: bytes('b'), dependencies: ['loop_a'] },
  ],
};

gnuTest('lists dependencies so that modprobe loads them backwards', unpacked, { modules }, (read, is) => {
  is(
    read('lib/modules/6.1.0/modules.dep'),
    [
      'ring.ko: base.ko',
      'base.ko:',
      'disk.ko: ring.ko base.ko',
      'loop_a.ko: loop_b.ko',
      'loop_b.ko: loop_a.ko',
      '',
    ].join('\n'),
  );
  is(read('lib/modules/6.1.0/disk.ko'), 'disk');
  is(read('init').includes("modprobe 'disk'\n"), true);
});
