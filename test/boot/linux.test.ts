/** Debian's kernel, whole, on every accelerator: the console log under the virtual clock is one and the same, to the byte. */
import test from 'ava';
import { type Outcome, type Profile, build, microvm, pc } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';

const script = `
uname -srm
nproc
grep -E '^(vendor_id|model name)' /proc/cpuinfo | sort | uniq -c
cat /proc/cmdline
ls /sys/bus/pci/devices
cat /sys/class/misc/hw_random/rng_current
dd if=/dev/hwrng bs=16 count=1 2>/dev/null | md5sum
seq 1 2000 | sha256sum
awk 'BEGIN { for (i = 1; i <= 20; i++) printf "%.15f ", sin(i) * exp(i / 7); print "" }'
echo 'the script is done'
`;

interface Run {
  readonly outcome: Outcome;
  readonly log: string;
  readonly time: number;
}

async function boot(profile: Profile, accelerator: string, engine: 'interpreter' | 'jit' = 'interpreter'): Promise<Run> {
  const { kernel, initrd } = await guest({ modules: ['virtio_pci', 'virtio_rng'], script });
  const machine = profile.with({ boot: { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0 panic=-1' } });
  await using running = await build(machine, { accelerator, engine });
  const outcome = await running.run({ timeout: '20 s' });
  return { outcome, log: running.serial.text, time: running.now };
}

test.serial('a PC boots on NVMM over SVM, runs a script and switches itself off', async t => {
  const { outcome, log } = await boot(pc, 'nvmm-svm');
  t.deepEqual(outcome, { kind: 'powerOff' });
  t.regex(log, /Linux \S+-cloud-amd64 x86_64\r?\n/);
  t.regex(log, /the script is done/);
  t.regex(log, /virtio_rng\.0/);
  // As sha256sum says on any computer.
  t.true(log.includes('6251e5743b6fd6a7'), 'sha256 of seq 1 2000');
});

test.serial('the log repeats to the byte, and is the same on every accelerator and engine', async t => {
  const first = await boot(pc, 'nvmm-svm');
  for (const [accelerator, engine] of [['nvmm-svm', 'jit'], ['nvmm-vmx', 'interpreter'], ['software', 'interpreter'], ['software', 'jit']] as const) {
    const other = await boot(pc, accelerator, engine);
    t.deepEqual(other.outcome, first.outcome, `${accelerator}, ${engine}`);
    t.is(other.time, first.time, `guest time on ${accelerator}, ${engine}`);
    t.is(other.log, first.log, `${accelerator}, ${engine}`);
  }
});

test.serial('two processors', async t => {
  const runs = [];
  for (const accelerator of ['nvmm-svm', 'nvmm-vmx', 'software']) runs.push(await boot(pc.with({ processors: 2 }), accelerator, 'jit'));
  t.regex(runs[0]!.log, /\n2\r?\n/);
  for (const run of runs) t.is(run.log, runs[0]!.log);
});

test.serial('an Intel guest on an AMD computer, and on an Intel one', async t => {
  const intel = microvm.with({ cpu: 'intel' });
  const onAmd = await boot(intel, 'nvmm-svm', 'jit');
  t.deepEqual(onAmd.outcome, { kind: 'powerOff' });
  t.regex(onAmd.log, /GenuineIntel/);
  t.is((await boot(intel, 'nvmm-vmx', 'jit')).log, onAmd.log);
});
