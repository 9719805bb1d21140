/** A megabyte typed into Debian's kernel: nothing of it is lost between the UART, the tty and who reads it. Skipped where there is no kernel. */
import { createHash } from 'node:crypto';
import test from 'ava';
import { build, microvm } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';
import { fetchedGuest } from '../support/kernel.ts';

const bootable = fetchedGuest() ? test : test.skip;
const length = 1_000_000;

for (const accelerator of ['software', 'nvmm-svm', 'nvmm-vmx']) {
  bootable(`${accelerator}: a raw tty gets all of a megabyte`, async t => {
    t.timeout(600_000);
    const { kernel, initrd } = await guest({ modules: [] });
    const profile = microvm.with({
      memory: '128 MiB',
      boot: { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0' },
    });
    await using machine = await build(profile, { accelerator });
    const running = machine.run({ timeout: '60 s' });
    await machine.serial.waitFor('~# ');
    machine.serial.type(`stty raw -echo; echo ready | tr a-z A-Z; head -c ${length} | md5sum; poweroff -f\n`);
    await machine.serial.waitFor('READY');
    const typed = Uint8Array.from({ length }, (_, index) => (index * 7919) >>> 3);
    machine.serial.type(typed);
    t.deepEqual(await running, { kind: 'powerOff' }, machine.serial.text.slice(-500));
    t.true(
      machine.serial.text.includes(createHash('md5').update(typed).digest('hex')),
      machine.serial.text.slice(-500),
    );
  });
}
