/** However Linux restarts the machine, the machine learns of it: with `reboot=bios` too, though no firmware is there to jump to. */
import test from 'ava';
import { microvm, pc } from '#machines';
import { bootLinux } from '../support/boot-linux.ts';

const restart = 'echo "going down"; reboot -f';

for (const accelerator of ['software', 'nvmm-svm', 'nvmm-vmx']) {
  test(`reboot=triple and reboot=bios end in a triple fault on ${accelerator}`, async t => {
    for (const how of ['triple', 'bios']) {
      const { outcome, log } = await bootLinux(microvm, accelerator, restart, {
        engine: 'jit',
        append: `quiet reboot=${how}`,
      });
      t.deepEqual(outcome, { kind: 'tripleFault', processor: 0 }, log);
      t.regex(log, /going down\r\n.*Restarting system/s);
    }
  });
}

test('by default Linux uses the reset register of ACPI', async t => {
  const { outcome, log } = await bootLinux(pc, 'software', restart, { engine: 'jit', append: 'quiet' });
  t.is(outcome.kind, 'reset', log);
});
