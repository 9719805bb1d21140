import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build, pc } from 'virt64';
import { guest } from 'virt64/node';

// Debian's kernel and BusyBox, from the cache or through apt. Any other kernel and initrd will do: read the files.
const linux = await guest().catch((error: Error) => error);
const skip = linux instanceof Error && linux.message;

test('the guest has the processors that it was given', { skip }, async () => {
  if (linux instanceof Error) return;
  const { kernel, initrd } = linux;
  const profile = pc.with({
    processors: 2,
    memory: '256 MiB',
    boot: { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0 quiet' },
  });
  await using machine = await build(profile, { accelerator: 'software' });
  const outcome = machine.run({ timeout: '60 s' });
  await machine.serial.waitFor(/~# /);
  machine.serial.type('nproc; poweroff -f\n');
  assert.deepEqual(await outcome, { kind: 'powerOff' });
  assert.match(machine.serial.text, /^2\r?$/m);
});
