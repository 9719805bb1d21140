/** The longest command line that Linux takes, by both of its entries: all of it arrives, and one byte more is refused. */
import test from 'ava';
import { build, microvm } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';
import { parseLinuxHeader } from '../../machines/boot/linux-header.ts';
import { unpackLz4 } from '../../machines/boot/lz4.ts';

const limit = 2047;

/** The ELF image in a bzImage, or undefined if it is packed otherwise. */
function unpacked(kernel: Uint8Array): Uint8Array | undefined {
  const { start, end } = parseLinuxHeader(kernel).payload;
  const size = new DataView(kernel.buffer, kernel.byteOffset).getUint32(end - 4, true);
  return unpackLz4(kernel.subarray(start, end), size);
}

for (const entry of ['bzImage', 'PVH'] as const)
  test(`a command line of 2,047 bytes reaches Linux by its ${entry} entry`, async t => {
    const { kernel, initrd } = await guest({
      script: 'cut -c 2000- /proc/cmdline; cut -c 2000- /proc/cmdline | wc -c',
    });
    const image = entry === 'PVH' ? unpacked(kernel) : kernel;
    if (!image) return t.pass('this kernel is not packed with LZ4');
    const start = 'console=ttyS0 quiet panic=-1 ';
    const commandLine = `${start}x=${'y'.repeat(limit - start.length - 6)}.end`;
    t.is(commandLine.length, limit);
    const boot = { kind: 'kernel', kernel: image, initrd, commandLine } as const;
    await using running = await build(microvm.with({ boot }), { accelerator: 'software' });
    t.is((await running.run({ timeout: '60 s' })).kind, 'powerOff', running.serial.text);
    t.regex(running.serial.text, /y{40,}\.end\r\n49\r\n/);
    const longer = microvm.with({ boot: { ...boot, commandLine: `${commandLine}y` } });
    await t.throwsAsync(() => build(longer), { code: 'bad-command-line' });
  });
