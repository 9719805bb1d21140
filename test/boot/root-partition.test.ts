/** Partitions as `root=` names them by what is in their tables, and the arguments that their init gets. */
import test from 'ava';
import { MemoryDisk } from '#core';
import { VirtioBlock } from '#devices';
import { build, pc, use } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';
import { writeGpt, writeMbr } from '../support/partitions.ts';

const modules = ['virtio_pci', 'virtio_blk'];
const install = ['/dev/vda3', '/dev/vdb2']
  .map(
    device => `
mke2fs ${device} >/dev/null && mount -t ext2 ${device} /mnt && cd /mnt
mkdir bin dev proc sys etc sbin
cp /bin/busybox bin
ln -s busybox bin/cat
ln -s busybox bin/sh
echo system-of-${device} >etc/hostname
cat >bin/start <<'END'
#!/bin/sh
/bin/busybox echo "arguments: $# <$1> <$2> <$3>, system $(/bin/cat /etc/hostname), colour $colour, PATH <$PATH>, HOME $HOME"
exec /bin/busybox poweroff -f
END
chmod +x bin/start
cd / && umount /mnt
`,
  )
  .join('');

const first = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';
const third = '4f68bce3-e8cd-4db1-96e7-fbcaf984b709';

test('PARTUUID= and PARTLABEL= name partitions of a GPT and an MBR; init gets its arguments', async t => {
  const gpt = new Uint8Array(16 << 20);
  writeGpt(gpt, '11111111-2222-3333-4444-555555555555', {
    1: { first: 2048, last: 4095, id: first, label: 'first' },
    3: { first: 4096, last: 28671, id: third, label: 'the third' },
  });
  const mbr = new Uint8Array(16 << 20);
  writeMbr(mbr, 0x0a34_5678, [
    { first: 2048, last: 4095 },
    { first: 4096, last: 28671 },
  ]);
  const disks = {
    gpt: use(VirtioBlock, { slot: '00:04.0', disk: new MemoryDisk(gpt) }),
    mbr: use(VirtioBlock, { slot: '00:05.0', disk: new MemoryDisk(mbr) }),
  };
  const boot = async (append: string, script?: string) => {
    const { kernel, initrd } = await guest({ modules, ...(script !== undefined && { script }) });
    const commandLine = `console=ttyS0 quiet panic=-1 ${append}`;
    const machine = pc.with({ devices: disks, boot: { kind: 'kernel', kernel, initrd, commandLine } });
    await using running = await build(machine, { accelerator: 'software' });
    const { kind } = await running.run({ until: /~# /, timeout: '60 s' });
    return { kind, text: running.serial.text };
  };
  const made = await boot('', install);
  t.is(made.kind, 'powerOff', made.text);

  const started = await boot(`root=PARTUUID=${third.toUpperCase()} init=/bin/start colour=blue s -- one root=two`);
  t.is(started.kind, 'powerOff', started.text);
  t.regex(
    started.text,
    /arguments: 3 <s> <one> <root=two>, system system-of-\/dev\/vda3, colour blue, PATH <[^>]*>, HOME \/\r\n/,
  );

  const shown = await boot('root=PARTUUID=0a345678-02 rootwait init=/bin/cat -- /etc/hostname');
  t.regex(shown.text, /system-of-\/dev\/vdb2\r\n.*Attempted to kill init/s);

  const without = await boot('root="PARTLABEL=nowhere" rootdelay=1 init=/bin/start');
  t.is(without.kind, 'until', without.text);
  t.regex(without.text, /cannot be mounted/);

  const labelled = await boot('root=PARTLABEL=first init=/bin/start');
  t.is(labelled.kind, 'until', 'there is no system on the first partition');
  t.regex(labelled.text, /root=PARTLABEL=first cannot be mounted/);
});
