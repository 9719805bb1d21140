import test from 'ava';
import fc from 'fast-check';
import { MachineError } from '../../../../core/board/framework/error.ts';
import { RamGuestMemory } from '../../../../core/board/memory/ram-guest-memory.ts';

const memory = (onWrite?: (offset: number, length: number) => void) =>
  new RamGuestMemory([
    { base: 0x1000, bytes: new Uint8Array(0x10), ...(onWrite ? { onWrite } : {}) },
    { base: 0x1010, bytes: new Uint8Array(0x10) },
    { base: 0x8000, bytes: new Uint8Array(0x10) },
  ]);

test('scalars are little-endian, at any alignment, across adjoining blocks', t => {
  const ram = memory();
  ram.write64(0x100d, 0x8877_6655_4433_2211n);
  t.is(ram.read64(0x100d), 0x8877_6655_4433_2211n);
  t.is(ram.read32(0x100e), 0x5544_3322);
  t.is(ram.read16(0x100f), 0x4433);
  t.is(ram.read8(0x1014), 0x88);
  t.is(ram.strays, 0);
});

test('outside RAM is all ones, and nothing is written by halves', t => {
  const ram = memory();
  t.deepEqual([ram.read8(0), ram.read16(0x101f), ram.read32(0x801e)], [0xff, 0xffff, 0xffff_ffff]);
  t.is(ram.read64(0x101c), 0xffff_ffff_ffff_ffffn);
  ram.write32(0x101e, 0x1234_5678);
  t.is(ram.read16(0x101e), 0);
  t.false(ram.write(0x101f, Uint8Array.of(1, 2)));
  t.is(ram.read8(0x101f), 0);
  t.false(ram.read(0x1fff, new Uint8Array(1)));
  t.true(ram.strays >= 6);
});

test('pieces', t => {
  const ram = memory();
  t.true(ram.write(0x100e, Uint8Array.of(1, 2, 3, 4)));
  const back = new Uint8Array(4);
  t.true(ram.read(0x100e, back));
  t.deepEqual([...back], [1, 2, 3, 4]);
  t.true(ram.fill(0x1000, 0x20, 0xaa));
  t.is(ram.read32(0x100e), 0xaaaa_aaaa);
  t.is(ram.size, 0x30);
});

test('writes are told with their place', t => {
  const told: string[] = [];
  const ram = memory((offset, length) => told.push(`${offset}+${length}`));
  ram.write8(0x1001, 1);
  ram.write32(0x1004, 1);
  ram.write(0x100e, Uint8Array.of(1, 2, 3));
  ram.fill(0x1000, 8, 0);
  t.deepEqual(told, ['1+1', '4+4', '14+2', '0+8']);
});

test('contains agrees with single bytes, and odd addresses throw nothing', t => {
  const ram = memory();
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: 0xff0, max: 0x1040 }), fc.double(), fc.maxSafeInteger()),
      fc.integer({ min: -2, max: 0x30 }),
      (address, length) => {
        const expected =
          length > 0 && Array.from({ length }, (_, index) => ram.contains(address + index, 1)).every(Boolean);
        if (length > 0 && Number.isInteger(address) && ram.contains(address, length) !== expected) return false;
        ram.write32(address, 1);
        ram.read64(address);
        ram.read(address, new Uint8Array(Math.max(0, length)));
        return true;
      },
    ),
    { seed: 2026, numRuns: 300 },
  );
  t.pass();
});

test('overlapping blocks are a mistake', t => {
  t.throws(
    () =>
      new RamGuestMemory([
        { base: 0, bytes: new Uint8Array(16) },
        { base: 8, bytes: new Uint8Array(16) },
      ]),
    { instanceOf: MachineError, code: 'overlap' },
  );
});
