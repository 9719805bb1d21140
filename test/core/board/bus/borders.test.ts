/** Accesses of any width at any place come out as their bytes do, whoever owns those. */
import test from 'ava';
import { MmioBus } from '../../../../core/board/bus/mmio-bus.ts';
import { PortBus } from '../../../../core/board/bus/port-bus.ts';
import { Random } from '../../../oracle/random.ts';

const space = 96;
/** What address reads as: never the same twice in a row, and nobody's is 0xff. */
const byteAt = (owned: readonly boolean[], address: number): number =>
  owned[address] ? (address * 37 + 11) & 0x7f : 0xff;

/** Disjoint ranges, some of them neighbours. */
function ranges(random: Random): { base: number; length: number }[] {
  const found: { base: number; length: number }[] = [];
  for (let at = random.below(4); at < space - 16; ) {
    const length = 1 + random.below(9);
    found.push({ base: at, length });
    at += length + (random.chance(0.5) ? 0 : random.below(6));
  }
  return found;
}

test('memory', t => {
  const random = new Random(5);
  for (let round = 0; round < 50; round++) {
    const bus = new MmioBus();
    const owned: boolean[] = Array(space).fill(false);
    const written = new Map<number, number>();
    for (const range of ranges(random)) {
      owned.fill(true, range.base, range.base + range.length);
      bus.claim(range, {
        name: `${range.base}`,
        read(offset, size, data) {
          t.true(offset >= 0 && offset + size <= range.length);
          for (let n = 0; n < size; n++) data.setUint8(n, byteAt(owned, range.base + offset + n));
        },
        write(offset, size, data) {
          t.true(offset >= 0 && offset + size <= range.length);
          for (let n = 0; n < size; n++) written.set(range.base + offset + n, data.getUint8(n));
        },
      });
    }
    const data = new DataView(new ArrayBuffer(8));
    for (const size of [1, 2, 4, 8] as const)
      for (let at = 0; at + size <= space; at++) {
        bus.read(at, size, data);
        for (let n = 0; n < size; n++) t.is(data.getUint8(n), byteAt(owned, at + n), `${at}+${n} of ${size}`);
        written.clear();
        for (let n = 0; n < size; n++) data.setUint8(n, 0x40 + n);
        bus.write(at, size, data);
        for (let n = 0; n < size; n++) t.is(written.get(at + n), owned[at + n] ? 0x40 + n : undefined);
        t.is(written.size, owned.slice(at, at + size).filter(Boolean).length);
      }
  }
});

test('ports', t => {
  const random = new Random(6);
  for (let round = 0; round < 50; round++) {
    const bus = new PortBus();
    const owned: boolean[] = Array(space).fill(false);
    const written = new Map<number, number>();
    for (const range of ranges(random)) {
      owned.fill(true, range.base, range.base + range.length);
      bus.claim(range, {
        name: `${range.base}`,
        read8: port => byteAt(owned, port),
        write8: (port, value) => written.set(port, value),
      });
    }
    for (const size of [1, 2, 4] as const)
      for (let at = 0; at + size <= space; at++) {
        const value = bus.read(at, size);
        for (let n = 0; n < size; n++) t.is((value >>> (8 * n)) & 0xff, byteAt(owned, at + n), `${at}+${n} of ${size}`);
        written.clear();
        bus.write(at, size, 0x4342_4140);
        for (let n = 0; n < size; n++) t.is(written.get(at + n), owned[at + n] ? 0x40 + n : undefined);
      }
  }
});
