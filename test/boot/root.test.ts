/** A system on a disk: the initramfs goes on to what `root=` names. */
import test from 'ava';
import { MemoryDisk } from '#core';
import { VirtioBlock } from '#devices';
import { build, microvm, pc, use } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';

const modules = ['virtio_pci', 'virtio_blk'];

/** Makes a system of one program, whose init is a link that only makes sense from within, as Debian's is. */
const install = `
mke2fs -L system /dev/vda >/dev/null
mount -t ext2 /dev/vda /mnt
cd /mnt
mkdir bin sbin dev proc sys
cp /bin/busybox bin
chroot . /bin/busybox --install -s /bin
ln -s /bin/start sbin/init
cat >bin/start <<'END'
#!/bin/busybox sh
echo "process $$ of a system on $(grep ' / ext' /proc/mounts | cut -d ' ' -f 1,4 | cut -d , -f 1)"
ls /dev/vda
ls /sys/block/vda/size
touch /was-here 2>/dev/null || echo 'not to be written to'
poweroff -f
END
chmod +x bin/start
cd /
umount /mnt
`;

test('root= by label and by name, for reading and for writing; what is not there leaves a shell', async t => {
  const disk = new MemoryDisk(new Uint8Array(16 << 20));
  const boot = async (append: string, script?: string) => {
    const { kernel, initrd } = await guest({ modules, ...(script !== undefined && { script }) });
    const machine = pc.with({
      devices: { disk: use(VirtioBlock, { slot: '00:04.0', disk }) },
      boot: { kind: 'kernel', kernel, initrd, commandLine: `console=ttyS0 quiet ${append}` },
    });
    await using running = await build(machine, { accelerator: 'software' });
    const { kind } = await running.run({ until: /~# /, timeout: '60 s' });
    return { kind, text: running.serial.text };
  };
  const made = await boot('', install);
  t.is(made.kind, 'powerOff', made.text);

  const reading = await boot('root=/dev/vda');
  t.is(reading.kind, 'powerOff', reading.text);
  t.regex(
    reading.text,
    /process 1 of a system on \/dev\/\S+ ro\r\n\/dev\/vda\r\n\/sys\/block\/vda\/size\r\nnot to be written to/,
  );

  const writing = await boot('root=LABEL=system rootfstype=ext2 rw init=/bin/start');
  t.is(writing.kind, 'powerOff', writing.text);
  t.regex(writing.text, /process 1 of a system on \/dev\/\S+ rw/);
  t.notRegex(writing.text, /not to be written to/);

  const wrongInit = await boot('root=/dev/vda init=/nowhere');
  t.is(wrongInit.kind, 'until', wrongInit.text);
  t.regex(wrongInit.text, /root=\/dev\/vda has no \/nowhere/);
});

test('a disk that is not there is said to be missing', async t => {
  const { kernel, initrd } = await guest();
  const boot = { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0 quiet root=/dev/vdz' } as const;
  await using machine = await build(microvm.with({ boot }), { accelerator: 'software' });
  t.is((await machine.run({ until: /~# /, timeout: '60 s' })).kind, 'until');
  t.regex(machine.serial.text, /root=\/dev\/vdz cannot be mounted/);
});
