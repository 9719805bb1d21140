/** `until` and Debian's kernel: what is typed is echoed twice, and the command line printed three times. Skipped where there is no kernel. */
import test from 'ava';
import { build, microvm } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';
import { fetchedGuest } from '../support/kernel.ts';

const bootable = fetchedGuest() ? test : test.skip;

const typed = `if false; then echo TESTS OK; else echo "a line that is wider than a terminal of eighty columns is"; fi; X=TESTS
echo not TESTS FAILED | tr A-Z a-z
`;

for (const [end, last] of [
  ['powerOff', 'poweroff -f\n'],
  ['until', 'echo $X FAILED\n'],
] as const) {
  bootable(`${last.trim()}: ends with ${end}`, async t => {
    t.timeout(600_000);
    const { kernel, initrd } = await guest({ modules: [] });
    const commandLine = 'console=ttyS0 TESTS FAILED';
    const profile = microvm.with({ memory: '128 MiB', boot: { kind: 'kernel', kernel, initrd, commandLine } });
    await using machine = await build(profile, { accelerator: 'software' });
    let isTyped = false;
    using _gate = machine.serial.addGate(() => {
      if (machine.serial.listens && !isTyped) {
        machine.serial.type(typed + last);
        isTyped = true;
      }
      return undefined;
    });
    const { kind } = await machine.run({ until: /TESTS FAILED/, timeout: '60 s' });
    t.is(kind, end, machine.serial.text.slice(-1000));
  });
}
