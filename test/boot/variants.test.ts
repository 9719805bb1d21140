/** Linux on variants of the machines: two processors, an Intel guest. */
import test from 'ava';
import { microvm, pc } from '#machines';
import { bootLinux } from '../support/boot-linux.ts';

test.serial('two processors, the same on every accelerator', async t => {
  const two = pc.with({ processors: 2 });
  const script = 'nproc; for i in 1 2 3 4; do (seq 1 20000 | md5sum) & done; wait; cat /proc/interrupts';
  const first = await bootLinux(two, 'nvmm-svm', script);
  t.deepEqual(first.outcome, { kind: 'powerOff' });
  t.regex(first.log, /\n2\r?\n/);
  for (const accelerator of ['nvmm-vmx', 'software'])
    t.is((await bootLinux(two, accelerator, script)).log, first.log, accelerator);
});

test.serial('an Intel guest on an AMD computer and on an Intel one', async t => {
  const intel = microvm.with({ cpu: 'intel' });
  const script = 'grep -m1 vendor_id /proc/cpuinfo';
  const onAmd = await bootLinux(intel, 'nvmm-svm', script);
  t.deepEqual(onAmd.outcome, { kind: 'powerOff' });
  t.regex(onAmd.log, /GenuineIntel/);
  t.is((await bootLinux(intel, 'nvmm-vmx', script)).log, onAmd.log);
});

test.serial('without APICs and messages, the 8259s serve timer, console and PCI', async t => {
  const script = 'dd if=/dev/hwrng bs=16 count=4 2>/dev/null | wc -c; cat /proc/interrupts';
  const first = await bootLinux(pc, 'nvmm-svm', script, 'interpreter', 'nolapic pci=nomsi');
  t.deepEqual(first.outcome, { kind: 'powerOff' });
  t.regex(first.log, /^64\r?$/m);
  t.regex(first.log, /^ +0: +[1-9]\d* +XT-PIC +timer/m);
  t.regex(first.log, /^ +10: +[1-9]\d* +XT-PIC +virtio0/m);
  t.regex(first.log, /^ +9: +0 +XT-PIC +acpi/m);
  t.is((await bootLinux(pc, 'nvmm-vmx', script, 'interpreter', 'nolapic pci=nomsi')).log, first.log);
});
