/** The power button of the default guest: Linux's modules and acpid turn it into a clean end. */
import test from 'ava';
import { MemoryDisk } from '#core';
import { AcpiPm, VirtioBlock } from '#devices';
import { build, pc, use } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';

const modules = ['virtio_pci', 'virtio_rng', 'virtio_blk', 'button', 'evdev'];
const accelerators = ['software', 'nvmm-svm', 'nvmm-vmx'];
const text = new TextEncoder();

test('a press powers the machine off, with what was written on the disk, and the same log on all accelerators', async t => {
  const { kernel, initrd } = await guest({ modules });
  const logs: string[] = [];
  for (const accelerator of accelerators) {
    const bytes = new Uint8Array(8 << 20);
    const machine = pc.with({
      devices: { disk: use(VirtioBlock, { slot: '00:04.0', disk: new MemoryDisk(bytes) }) },
      boot: { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0 quiet' },
    });
    await using running = await build(machine, { accelerator });
    t.is((await running.run({ until: /~# /, timeout: '60 s' })).kind, 'until', running.serial.text);
    running.serial.type(
      'mke2fs /dev/vda >/dev/null && mount -t ext2 /dev/vda /mnt && echo kept-by-the-disk >/mnt/file; echo do""ne\n',
    );
    t.is((await running.run({ until: /done/, timeout: '60 s' })).kind, 'until', running.serial.text);
    t.is(Buffer.from(bytes).indexOf(text.encode('kept-by-the-disk')), -1, 'written before it had to be');

    running.device('power', AcpiPm).pressPowerButton();
    t.deepEqual(await running.run({ timeout: '60 s' }), { kind: 'powerOff' }, running.serial.text);
    t.not(Buffer.from(bytes).indexOf(text.encode('kept-by-the-disk')), -1, 'lost');
    logs.push(`${running.serial.text} ${running.now}`);
  }
  for (const log of logs) t.is(log, logs[0]);
});
