import test from 'ava';
import { MmioBus } from '../../../../core/board/bus/mmio-bus.ts';
import { registers32 } from '../../../../core/board/bus/registers32.ts';

const data = new DataView(new ArrayBuffer(8));

function machine() {
  const bus = new MmioBus();
  const log: string[] = [];
  bus.claim(
    { base: 0x1000, length: 0x10 },
    registers32({
      name: 'chip',
      read: offset => (0x1111_1111 * (offset / 4 + 1)) >>> 0,
      write: (offset, value, processor) => log.push(`${offset}=${value.toString(16)}@${processor}`),
    }),
  );
  const read = (address: number, size: 1 | 2 | 4 | 8) => {
    data.setBigUint64(0, 0n, true);
    bus.read(address, size, data);
    return data.getBigUint64(0, true);
  };
  return { bus, log, read };
}

test('32-bit registers answer every width', t => {
  const { read } = machine();
  t.is(read(0x1000, 4), 0x1111_1111n);
  t.is(read(0x1000, 8), 0x2222_2222_1111_1111n);
  t.is(read(0x1005, 1), 0x22n);
  t.is(read(0x1002, 4), 0x2222_1111n);
  t.is(read(0x1006, 8), 0x4444_3333_3333_2222n & 0xffff_ffff_ffff_ffffn);
});

test('what lies beyond a claim is nobody’s', t => {
  const { read } = machine();
  t.is(read(0x100e, 4), 0xffff_4444n);
  t.is(read(0x9000, 8), 0xffff_ffff_ffff_ffffn);
});

test('writes arrive as registers, with who asked', t => {
  const { bus, log } = machine();
  data.setBigUint64(0, 0x8877_6655_4433_2211n, true);
  bus.write(0x1000, 8, data, 1);
  bus.write(0x1006, 2, data);
  bus.write(0x1002, 4, data);
  t.deepEqual(log, ['0=44332211@1', '4=88776655@1', '4=22110000@0', '0=22110000@0', '4=4433@0']);
});
