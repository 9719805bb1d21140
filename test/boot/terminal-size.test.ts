/** The default guest follows the size of its terminal, which a virtio console tells it. Skipped where there is no kernel. */
import test from 'ava';
import { VirtioConsole } from '#devices';
import { build, pc, use } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';
import { fetchedGuest } from '../support/kernel.ts';

const bootable = fetchedGuest() ? test : test.skip;

for (const accelerator of ['software', 'nvmm-svm', 'nvmm-vmx']) {
  bootable(`${accelerator}: a program on the serial console hears of a new size`, async t => {
    t.timeout(600_000);
    const { kernel, initrd } = await guest({
      modules: ['virtio_pci', 'virtio_console'],
      terminal: { rows: 24, columns: 80 },
      followsTerminal: true,
    });
    const profile = pc.with({
      devices: { terminal: use(VirtioConsole, { slot: '00:03.0', rows: 24, columns: 80 }) },
      boot: { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0 quiet' },
    });
    await using machine = await build(profile, { accelerator });
    const running = machine.run({ timeout: '60 s' });
    await machine.serial.waitFor('~# ');
    // In the foreground, as an editor would be.
    machine.serial.type(`sh -c 'trap "stty size" WINCH; stty size; while :; do sleep 1; done'\n`);
    await machine.serial.waitFor(/^24 80\r$/m);
    machine.device('terminal', VirtioConsole).resize({ rows: 50, columns: 132 });
    await machine.serial.waitFor(/^50 132\r$/m);
    machine.stop();
    t.deepEqual(await running, { kind: 'stopped' });
  });
}
