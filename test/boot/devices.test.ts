/** Linux drives disks, a virtio console, the power button, the clock and the reset register; the host looks at what is left of it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { MemoryDisk, MemoryStream } from '#core';
import { AcpiPm, VirtioBlock, VirtioConsole } from '#devices';
import { build, pc, use } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';
import { FileDisk } from '../../cli/host/file-disk.ts';

const script = `
cat /sys/block/vda/serial; echo
cat /sys/block/vd*/ro | xargs echo read-only:
mke2fs -L first /dev/vda >/dev/null && mount -t ext2 /dev/vda /mnt && seq 1 50000 >/mnt/numbers && umount /mnt
mount -t ext2 /dev/vda /mnt && sha256sum /mnt/numbers && umount /mnt
seq 1 50000 | dd of=/dev/vdb bs=4k conv=fsync 2>/dev/null
dd if=/dev/vdc bs=512 skip=3 count=1 2>/dev/null | head -2; echo
dd if=/dev/zero of=/dev/vdc bs=512 count=1 2>&1 | grep -o 'Operation not permitted$'
hwclock | grep -o ' 2026'
echo 'a word to hvc' >/dev/hvc0
(dd if=/dev/hvc0 bs=1 count=6 2>/dev/null | sed 's/^/from hvc: /') & sleep 1; echo 'reader is there'; wait
(timeout 2 dd if=/dev/input/event0 bs=24 count=1 2>/dev/null | xxd -p | tail -c 17) &
sleep 1; echo 'press the button'; wait
grep -o '^ *1 ' /sys/firmware/acpi/interrupts/ff_pwr_btn
reboot -f
`;

/** The button is pressed if the fetched guest has its drivers: caches of before have not. */
const modules = ['virtio_pci', 'virtio_blk', 'virtio_console', 'button', 'evdev'];

/** As sha256sum says of \`seq 1 50000\` on any computer. */
const numbers = Array.from({ length: 50_000 }, (_, index) => `${index + 1}\n`).join('');

/** The run has ended before; its log says why. */
const ignored = (): void => {};

async function run(accelerator: string, folder: string) {
  const image = (name: string) => join(folder, `${name}.img`);
  for (const name of ['a', 'b']) writeFileSync(image(name), new Uint8Array(2 << 20));
  const [first, second] = [await FileDisk.open(image('a')), await FileDisk.open(image('b'))];
  const sealed = new Uint8Array(8 * 512).fill(0x2e);
  sealed.set(new TextEncoder().encode('\nsealed\n'), 3 * 512);
  const hvc = new MemoryStream();
  const { kernel, initrd } = await guest({ modules, script });
  const machine = pc.with({
    devices: {
      first: use(VirtioBlock, { slot: '00:04.0', disk: first, serial: 'serial-1' }),
      second: use(VirtioBlock, { slot: '00:05.0', disk: second }),
      sealed: use(VirtioBlock, { slot: '00:06.0', disk: new MemoryDisk(sealed), readOnly: true }),
      hvc: use(VirtioConsole, { slot: '00:07.0', stream: hvc }),
    },
    boot: { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0 quiet' },
  });
  await using running = await build(machine, { accelerator });
  void running.serial.waitFor('reader is there').then(() => hvc.type('typed\n'), ignored);
  void running.serial
    .waitFor('press the button')
    .then(() => running.device('power', AcpiPm).pressPowerButton(), ignored);
  const outcome = await running.run({ timeout: '30 s' });
  for (const disk of [first, second]) await disk.close();
  const files = ['a', 'b'].map(name => readFileSync(image(name)));
  return { outcome, log: running.serial.text.replaceAll('\r', ''), said: hvc.text, files, sealed };
}

test.serial('disks, consoles, buttons and clocks work, and leave the same behind on every accelerator', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-devices-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const { outcome, log, said, files, sealed } = await run('nvmm-svm', folder);
  t.deepEqual(outcome, { kind: 'reset' }, log);
  for (const pattern of [/^serial-1$/m, /^read-only: 0 0 1$/m, /^sealed$/m, /^Operation not permitted$/m, /^ 2026$/m])
    t.regex(log, pattern);
  t.regex(log, /^from hvc: typed$/m);
  if (log.includes("module 'button' not found")) t.log('the button was not pressed: its driver is not in the cache');
  // EV_KEY, KEY_POWER, down (linux/input-event-codes.h).
  else t.regex(log, /^0100740001000000\n +1 $/m);
  t.is(said, 'a word to hvc\r\ntyped\r\n');
  t.is(files[1].subarray(0, numbers.length).toString(), numbers);
  t.is(sealed[0], 0x2e);
  const check = spawnSync('fsck.ext4', ['-fn', join(folder, 'a.img')], { encoding: 'utf8' });
  if (check.error) t.log('no fsck.ext4 here: the file system was not checked');
  else t.is(check.status, 0, check.stdout);

  const other = await run('nvmm-vmx', folder);
  t.is(other.log, log);
  t.deepEqual(other.files, files);
});
