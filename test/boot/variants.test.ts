/** Linux on variants of the machines: more processors, little and much memory, real time, an Intel guest. */
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
  const first = await bootLinux(pc, 'nvmm-svm', script, { append: 'nolapic pci=nomsi' });
  t.deepEqual(first.outcome, { kind: 'powerOff' });
  t.regex(first.log, /^64\r?$/m);
  t.regex(first.log, /^ +0: +[1-9]\d* +XT-PIC +timer/m);
  t.regex(first.log, /^ +10: +[1-9]\d* +XT-PIC +virtio0/m);
  t.regex(first.log, /^ +9: +0 +XT-PIC +acpi/m);
  t.is((await bootLinux(pc, 'nvmm-vmx', script, { append: 'nolapic pci=nomsi' })).log, first.log);
});

test.serial('without the timers of the local APICs, the HPET serves', async t => {
  const { outcome, log } = await bootLinux(pc, 'nvmm-vmx', 'sleep 1; cat /proc/interrupts', {
    append: 'nolapic_timer',
  });
  t.deepEqual(outcome, { kind: 'powerOff' });
  t.regex(log, /^ +0: +[1-9]\d* +IO-APIC +2-edge +timer/m);
  t.regex(log, /^LOC: +0 /m);
});

test.serial('eight processors, the same on every accelerator', async t => {
  t.timeout(1_800_000);
  const eight = pc.with({ processors: 8 });
  const logs = new Set<string>();
  for (const accelerator of ['software', 'nvmm-svm', 'nvmm-vmx']) {
    const { outcome, log } = await bootLinux(eight, accelerator, 'echo "there are $(nproc)"');
    t.deepEqual(outcome, { kind: 'powerOff' }, accelerator);
    t.regex(log, /there are 8\r?\n/, accelerator);
    logs.add(log);
  }
  t.is(logs.size, 1);
});

for (const [memory, accelerator, mebibytes] of [
  ['96 MiB', 'nvmm-svm', 96],
  ['3.5 GiB', 'nvmm-vmx', 3584],
] as const) {
  test.serial(`${memory} of memory on ${accelerator}`, async t => {
    const { outcome, log } = await bootLinux(pc.with({ memory }), accelerator, 'grep MemTotal /proc/meminfo');
    t.deepEqual(outcome, { kind: 'powerOff' });
    const total = Number(/MemTotal: +(\d+) kB/.exec(log)?.[1]) / 1024;
    t.true(total > mebibytes * 0.5 && total < mebibytes, `${total} MiB`);
  });
}

test.serial('too little memory is refused, with the remedy', async t => {
  await t.throwsAsync(bootLinux(microvm.with({ memory: '64 MiB' }), 'software', ''), {
    code: 'does-not-fit',
    message: /at least \d+ MiB/,
  });
});

test.serial('on the host’s clock Linux boots and switches off too', async t => {
  t.timeout(1_800_000);
  const { outcome, log } = await bootLinux(microvm.with({ clock: 'host' }), 'nvmm-svm', 'echo done', {
    append: 'no_timer_check',
    timeout: '25 min',
  });
  t.deepEqual(outcome, { kind: 'powerOff' });
  t.regex(log, /done\r?\n/);
});
