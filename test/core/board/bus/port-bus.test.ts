import test from 'ava';
import { PortBus } from '../../../../core/board/bus/port-bus.ts';
import { MachineError } from '../../../../core/board/framework/error.ts';

test('nobody at home reads as all ones, and is counted', t => {
  const bus = new PortBus();
  t.deepEqual([bus.read(0x80, 1), bus.read(0x80, 2), bus.read(0x80, 4)], [0xff, 0xffff, 0xffff_ffff]);
  bus.write(0x80, 4, 1);
});

test('a byte device behind wide accesses: lowest port first', t => {
  const bus = new PortBus();
  const seen: string[] = [];
  bus.claim(
    { base: 0x10, length: 4 },
    {
      name: 'bytes',
      read8: port => {
        seen.push(`read ${port}`);
        return port;
      },
      write8: (port, value) => seen.push(`write ${port} ${value}`),
    },
  );
  t.is(bus.read(0x10, 4), 0x1312_1110);
  bus.write(0x10, 2, 0xabcd);
  t.deepEqual(seen, ['read 16', 'read 17', 'read 18', 'read 19', `write 16 ${0xcd}`, `write 17 ${0xab}`]);
});

test('an access that leaves a claim is split between its owners', t => {
  const bus = new PortBus();
  bus.claim(0x20, { name: 'one', read: () => 0x11 });
  bus.claim(0x21, { name: 'other', read: () => 0x22 });
  t.is(bus.read(0x20, 4), 0xffff_2211);
  t.is(bus.read(0x1f, 2), 0x11ff);
});

test('ports wrap at 64 Ki', t => {
  const bus = new PortBus();
  bus.claim(0, { name: 'first', read: () => 0x42 });
  t.is(bus.read(0xffff, 2), 0x42ff);
});

test('values fit their size, whatever a device answers', t => {
  const bus = new PortBus();
  bus.claim({ base: 0, length: 4 }, { name: 'wild', read: () => -2 });
  t.deepEqual([bus.read(0, 1), bus.read(0, 2), bus.read(0, 4)], [0xfe, 0xfffe, 0xffff_fffe]);
});

test('two owners of one port are a mistake, and both are named', t => {
  const bus = new PortBus();
  const claim = bus.claim({ base: 0x3f8, length: 8 }, { name: 'com1' });
  const error = t.throws(() => bus.claim(0x3ff, { name: 'joystick' }), { instanceOf: MachineError });
  t.is(error.code, 'overlap');
  t.regex(error.message, /joystick .*0x3ff.* com1 .*0x3f8–0x3ff/);
  claim.release();
  t.notThrows(() => bus.claim(0x3ff, { name: 'joystick' }));
});

test('a doubleword claim leaves the bytes under it to others', t => {
  const bus = new PortBus();
  bus.claim({ base: 0xcf8, length: 4, only: 4 }, { name: 'pci', read: () => 0x8000_0000 });
  bus.claim(0xcf9, { name: 'reset', read: () => 0x06 });
  t.is(bus.read(0xcf8, 4), 0x8000_0000);
  t.is(bus.read(0xcf9, 1), 0x06);
  t.is(bus.read(0xcf8, 2), 0x06ff);
  t.is(bus.read(0xcf9, 4), 0xffff_ff06);
});

test('an observer sees accesses with their owners', t => {
  const bus = new PortBus();
  bus.claim(0x80, { name: 'post' });
  const seen: unknown[] = [];
  bus.observe(access => seen.push([access.kind, access.port, access.owner]));
  bus.write(0x80, 1, 7);
  bus.read(0x81, 1);
  t.deepEqual(seen, [
    ['write', 0x80, 'post'],
    ['read', 0x81, undefined],
  ]);
});

test('what lies outside is a mistake too', t => {
  for (const range of [
    { base: 0xfffc, length: 8 },
    { base: -1, length: 2 },
    { base: 0.5, length: 1 },
    { base: 0x80, length: 0 },
    { base: Number.NaN, length: 1 },
  ]) {
    const error = t.throws(() => new PortBus().claim(range, { name: 'com9' }), { instanceOf: MachineError });
    t.is(error.code, 'bad-option');
    t.regex(error.message, /com9/);
  }
});

test('of two claims of one handler, each is released by itself', t => {
  const bus = new PortBus();
  const handler = { name: 'twice', read: () => 0x22 };
  bus.claim(0x10, handler);
  const second = bus.claim(0x20, handler);
  second.release();
  second.release();
  t.is(bus.read(0x10, 1), 0x22);
  t.is(bus.read(0x20, 1), 0xff);
});
