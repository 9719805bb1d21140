/** Debian's kernel, whole, on every accelerator: the console log under the virtual clock is one and the same, to the byte. */
import test from 'ava';
import { pc } from '#machines';
import { bootLinux } from '../support/boot-linux.ts';

const script = `
uname -srm
grep -E '^(vendor_id|model name)' /proc/cpuinfo
ls /sys/bus/pci/devices
cat /sys/class/misc/hw_random/rng_current
dd if=/dev/hwrng bs=16 count=1 2>/dev/null | md5sum
seq 1 2000 | sha256sum
awk 'BEGIN { for (i = 1; i <= 20; i++) printf "%.15f ", sin(i) * exp(i / 7); print "" }'
cat /proc/interrupts
echo "complaints: $(dmesg -r | grep -c '^<[0-4]>')"
echo 'the script is done'
`;

test.serial(
  'a PC boots, runs a script and switches itself off; again, the same; and the same on every accelerator',
  async t => {
    const first = await bootLinux(pc, 'nvmm-svm', script);
    t.deepEqual(first.outcome, { kind: 'powerOff' });
    t.regex(first.log, /Linux \S+-cloud-amd64 x86_64\r?\n/);
    t.regex(first.log, /virtio_rng\.0/);
    // As sha256sum says on any computer.
    t.true(first.log.includes('6251e5743b6fd6a7d606130bdf7c15077ce85ebd3a0fdee284d15a46df199e38'));
    t.regex(first.log, /^complaints: 0\r?$/m);
    t.regex(first.log, /the script is done/);
    for (const [accelerator, engine] of [
      ['nvmm-svm', 'jit'],
      ['nvmm-vmx', 'interpreter'],
      ['software', 'interpreter'],
    ] as const) {
      const other = await bootLinux(pc, accelerator, script, { engine });
      t.deepEqual(other.outcome, first.outcome, `${accelerator}, ${engine}`);
      t.is(other.time, first.time, `guest time on ${accelerator}, ${engine}`);
      t.is(other.log, first.log, `${accelerator}, ${engine}`);
    }
  },
);
