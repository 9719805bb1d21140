import test from 'ava';
import fc from 'fast-check';
import { MachineError } from '../../../core/board/framework/error.ts';
import { RamGuestMemory } from '../../../core/board/memory/ram-guest-memory.ts';
import { loadLinux } from '../../../machines/boot/linux.ts';
import { unpackLz4 } from '../../../machines/boot/lz4.ts';
import { fetchedGuest, syntheticKernel } from '../../support/kernel.ts';

const ram = (megabytes: number) => new RamGuestMemory([{ base: 0, bytes: new Uint8Array(megabytes * 0x10_0000) }]);

/** One block of literals only, then matches: `abcabcabc…` as the format's own description encodes it. */
const frame = (...block: number[]): Uint8Array =>
  new Uint8Array([0x02, 0x21, 0x4c, 0x18, block.length, 0, 0, 0, ...block]);

test('a match may overlap what it produces', t => {
  const bytes = unpackLz4(frame(0x35, 0x61, 0x62, 0x63, 3, 0, 0x10, 0x7a), 13);
  t.is(new TextDecoder().decode(bytes), 'abcabcabcabcz');
});

test('a match may lie far back', t => {
  const text = Array.from({ length: 300 }, (_, n) => 97 + (n % 26));
  const block = [0xf0, 255, 30, ...text, 300 & 0xff, 300 >> 8, 0x00];
  const packed = new Uint8Array([0x02, 0x21, 0x4c, 0x18, block.length & 0xff, block.length >> 8, 0, 0, ...block]);
  t.deepEqual(unpackLz4(packed, 304)?.slice(300), Uint8Array.from(text.slice(0, 4)));
});

test('long lengths go on in further bytes', t => {
  const bytes = unpackLz4(frame(0x1f, 0x61, 1, 0, 255, 10, 0x00), 1 + 4 + 15 + 255 + 10);
  t.is(new TextDecoder().decode(bytes), 'a'.repeat(285));
});

test('damage is noticed or harmless', t => {
  const good = frame(0x35, 0x61, 0x62, 0x63, 3, 0, 0x10, 0x7a);
  t.is(unpackLz4(frame(0x35, 0x61, 0x62, 0x63, 4, 0, 0x00), 12), undefined);
  fc.assert(
    fc.property(fc.integer({ min: 4, max: good.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, byte) => {
      const bad = good.slice();
      bad[at] = byte;
      const result = unpackLz4(bad, 13);
      return result === undefined || result.length === 13;
    }),
  );
  t.pass();
});

/** A bzImage whose payload is a real ELF image, packed without compression. */
function packedKernel(): Uint8Array {
  const elf = new Uint8Array(0x80);
  const view = new DataView(elf.buffer);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setBigUint64(24, 0x100_0078n, true);
  view.setBigUint64(32, 0x40n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(0x40, 1, true);
  view.setBigUint64(0x50, 0xffff_ffff_8100_0000n, true);
  view.setBigUint64(0x58, 0x100_0000n, true);
  view.setBigUint64(0x60, 0x80n, true);
  view.setBigUint64(0x68, 0x1000n, true);
  elf.set([0xfa, 0xf4], 0x78);
  const payload = [...frame(0xf0, 0x80 - 15, ...elf), 0x80, 0, 0, 0];
  const file = syntheticKernel({ codeSize: 0x1000 });
  file.set(payload, 0xa00 + 0x400);
  const header = new DataView(file.buffer);
  header.setUint32(0x248, 0x400, true);
  header.setUint32(0x24c, payload.length, true);
  return file;
}

test('unpacked here, the kernel starts at its own entry', t => {
  const memory = ram(32);
  const { state } = loadLinux(memory, { kernel: packedKernel(), unpack: 'host' });
  t.is(state.rip, 0x100_0078);
  t.is(memory.read16(state.rip), 0xf4fa);
  t.is(memory.read32(state.registers.rsi! + 0x202), 0x5372_6448);
});

test('what cannot be unpacked here is left to the guest', t => {
  t.is(loadLinux(ram(32), { kernel: syntheticKernel(), unpack: 'host' }).state.rip, 0x100_0200);
});

test('a mutated kernel is refused, left to the guest or unpacked, and never does anything else', t => {
  const original = packedKernel();
  const memory = ram(20);
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.oneof(fc.integer({ min: 0x1f1, max: 0x28f }), fc.integer({ min: 0xe00, max: 0xeb0 })),
          fc.integer({ min: 0, max: 255 }),
        ),
        { maxLength: 4 },
      ),
      changes => {
        const mutant = original.slice();
        for (const [at, byte] of changes) mutant[at] = byte;
        try {
          return loadLinux(memory, { kernel: mutant, unpack: 'host' }).state.mode === 'long';
        } catch (error) {
          return error instanceof MachineError;
        }
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});

const guest = fetchedGuest();

(guest ? test : test.skip)('a distribution kernel', t => {
  const memory = ram(128);
  const { state, header } = loadLinux(memory, { kernel: guest!.kernel, unpack: 'host' });
  t.regex(header.release, /^\d+\.\d+/);
  t.true(state.rip === 0x100_0000 || state.rip === 0x100_0200);
});
