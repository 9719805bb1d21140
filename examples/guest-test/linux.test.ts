/** Ordinary ava tests that boot Linux and ask it what it sees. */
import test, { type ExecutionContext } from 'ava';
import { build, type Profile, pc, use } from 'virt64';
import { MemoryDisk, VirtioBlock } from 'virt64/devices';
import { guest } from 'virt64/node';

/** Where apt is not to be had, there is no Linux to test. */
const linuxTest = await guest().then(
  () => test,
  () => test.skip,
);

/** Boots Debian's kernel to BusyBox's shell. The machine lives as long as the test. */
async function boot(t: ExecutionContext, profile: Profile) {
  const { kernel, initrd } = await guest({ modules: ['virtio_pci', 'virtio_blk'] });
  const machine = await build(
    profile.with({ boot: { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0 quiet' } }),
    { accelerator: 'software' },
  );
  t.teardown(() => machine[Symbol.asyncDispose]());
  const outcome = machine.run({ timeout: '60 s' });
  await machine.serial.waitFor(/~# /);
  return {
    machine,
    outcome,
    /** What a command prints. */
    async shell(command: string): Promise<string> {
      // Arithmetic tells what the shell says from what the terminal echoes.
      machine.serial.type(`echo "<$((0))"; ${command}; echo "$((0))>" $?\n`);
      const [, text, status] = await machine.serial.waitFor(/<0\r\n([\s\S]*?)0> (\d+)\r\n/);
      t.is(status, '0', `${command}: ${text}`);
      return text!.trim();
    },
  };
}

linuxTest('the guest sees the processors and the memory it was given', async t => {
  const linux = await boot(t, pc.with({ processors: 2, memory: '256 MiB' }));
  t.is(await linux.shell('nproc'), '2');
  const kibibytes = Number(await linux.shell("awk '/MemTotal/ { print $2 }' /proc/meminfo"));
  t.true(kibibytes > 200 * 1024 && kibibytes < 256 * 1024, `${kibibytes} KiB`);
});

linuxTest('what the guest writes is on its disk when it has switched itself off', async t => {
  const bytes = new Uint8Array(2 ** 20);
  const disk = new MemoryDisk(bytes);
  const linux = await boot(t, pc.with({ devices: { disk: use(VirtioBlock, { slot: '00:04.0', disk }) } }));
  await linux.shell('echo hello from the guest > /dev/vda');
  linux.machine.serial.type('sync; poweroff\n');
  t.like(await linux.outcome, { kind: 'powerOff' });
  t.is(new TextDecoder().decode(bytes.subarray(0, 21)), 'hello from the guest\n');
});
