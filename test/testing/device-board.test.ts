/** The board for the test of a device: each of its words, by devices of virt64 and one that asks for everything. */
import test from 'ava';
import {
  ComponentName,
  Device,
  GuestMemory,
  HostTasks,
  InterruptMessages,
  IsaSerial,
  LocalApic,
  MachineError,
  MemoryDisk,
  Mmio,
  Msrs,
  Options,
  type OptionsOf,
  PciHost,
  Pit,
  Ports,
  Power,
  type PowerControl,
  port,
  type SavedState,
  VirtioBlock,
} from 'virt64/devices';
import { DeviceBoard } from 'virt64/testing';

/** A copier: a doorbell at a port copies 16 bytes of memory, takes 10 µs, and signals an interrupt message. */
class Copier extends Device {
  static readonly device = 'copier';
  static readonly options = { port: port() };
  static readonly services = [
    Options,
    ComponentName,
    Ports,
    Mmio,
    Msrs,
    GuestMemory,
    HostTasks,
    InterruptMessages,
    Power,
  ];
  #register = 0n;
  resets = 0;

  constructor(
    options: OptionsOf<typeof Copier.options>,
    name: string,
    ports: Ports,
    mmio: Mmio,
    msrs: Msrs,
    memory: GuestMemory,
    tasks: HostTasks,
    messages: InterruptMessages,
    power: PowerControl,
  ) {
    super();
    ports.claim(options.port, {
      name,
      read: () => 0x77,
      write: (_port, _size, value) => {
        if (value === 0xff) return power.powerOff();
        tasks.perform(Promise.resolve(value), 10_000, () => {
          memory.write(
            0x200,
            Uint8Array.from({ length: 16 }, (_, n) => memory.read8(0x100 + n)),
          );
          messages.signal(0xfee0_3000, 0x41);
        });
      },
    });
    mmio.claim(
      { base: 0xd000_0000, length: 16 },
      {
        name,
        read: (_offset, _size, result) => result.setBigUint64(0, this.#register, true),
        write: (_offset, _size, value) => {
          this.#register = value.getBigUint64(0, true);
        },
      },
    );
    msrs.claim(0x4000_0200, {
      name,
      read: () => this.#register,
      write: (_processor, value) => {
        this.#register = value;
        return true;
      },
    });
  }

  reset(): void {
    this.resets++;
  }
  save(): SavedState {
    return { version: 1 };
  }
  restore(): void {}
  inspect() {
    return {};
  }
}

test('ports, memory that is no RAM, and MSRs', t => {
  const board = new DeviceBoard();
  board.add('copier', Copier, { port: 0x500 });
  t.is(board.in(0x500), 0x77);
  t.is(board.in(0x501, 2), 0xffff, 'nobody has it');
  board.store64(0xd000_0000, 0x8877_6655_4433_2211n);
  t.is(board.load64(0xd000_0000), 0x8877_6655_4433_2211n);
  t.is(board.load(0xd000_0000), 0x4433_2211);
  t.is(board.load(0xd000_0000, 1), 0x11);
  board.store(0xd000_0000, -1);
  t.is(board.load(0xd000_0000), 0xffff_ffff);
  t.true(board.wrmsr(0x4000_0200, 5n));
  t.is(board.rdmsr(0x4000_0200), 5n);
  t.is(board.rdmsr(0x4000_0201), undefined);
  t.false(board.wrmsr(0x4000_0201, 0n));
});

test('DMA, work of the host and interrupt messages come when time has passed', async t => {
  const board = new DeviceBoard({ memory: 0x1000 });
  board.add('copier', Copier, { port: 0x500 });
  board.ram.fill(9, 0x100, 0x110);
  board.out(0x500, 1);
  await board.advance('9999 ns');
  t.deepEqual(board.messages, []);
  await board.advance(1);
  t.is(board.now, 10_000);
  t.deepEqual([...board.ram.subarray(0x1ff, 0x211)], [0, ...Array(16).fill(9), 0]);
  t.deepEqual(board.messages, [{ destination: 3, logical: false, mode: 0, vector: 0x41, level: false }]);
  t.is(board.memory.size, 0x1000);
});

test('what a device asks of the machine is written down, and reset is power-on of all', t => {
  const board = new DeviceBoard({ processors: 2 });
  const copier = board.add('copier', Copier, { port: 0x500 });
  t.is(copier.resets, 1);
  board.out(0x500, 0xff);
  t.deepEqual(board.requests, ['powerOff']);
  board.reset();
  t.is(copier.resets, 2);
  const apic = new DeviceBoard({ processors: 2 });
  apic.add('lapic', LocalApic, {});
  apic.store(0xfee0_0310, 1 << 24);
  apic.store(0xfee0_0300, 0x4500);
  apic.store(0xfee0_0300, 0x4608);
  t.deepEqual(apic.requests, ['init 1', 'startup 1 8']);
});

test('wires: levels and edges, before and after they are asked for', async t => {
  const board = new DeviceBoard();
  const com1 = board.add('com1', IsaSerial, { port: 0x3f8, irq: 'isa@4' });
  board.out(0x3fc, 8);
  board.out(0x3f9, 2);
  t.true(board.pin('isa@4').level, 'it was up already');
  const pin = board.pin('isa@4');
  t.is(pin.edges, 1);
  t.is(board.in(0x3fa) & 0xf, 2, 'reading it ends it');
  t.false(pin.level);
  t.is(board.pin('isa@4'), pin);
  com1.reset();
  t.is(pin.edges, 1);
  board.add('pit', Pit, { irq: 'isa@0' });
  board.out(0x43, 0x34);
  board.out(0x40, 0xa9);
  board.out(0x40, 0x04);
  const timer = board.pin('isa@0');
  const before = timer.edges;
  await board.advance('10 ms');
  t.is(timer.edges - before, 10, '1193 ticks are 999.85 µs');
});

test('an interrupt controller is the device itself', t => {
  const board = new DeviceBoard();
  board.add('lapic', LocalApic, {});
  t.is(board.takeInterrupt(), undefined);
  board.store(0xfee0_00f0, 0x1ff);
  board.store(0xfee0_0300, 0x4_0055);
  t.is(board.takeInterrupt(), 0x55);
});

test('PCI functions, with and without a host bridge', t => {
  const board = new DeviceBoard();
  board.add('disk', VirtioBlock, { slot: '00:04.0', disk: new MemoryDisk(new Uint8Array(512)) });
  t.is(board.readConfiguration('00:04.0', 0), 0x1042_1af4);
  t.is(board.readConfiguration('00:04', 2, 2), 0x1042);
  t.is(board.readConfiguration('00:05.0', 0), 0xffff_ffff);
  board.writeConfiguration('00:04.0', 0x3c, 11, 1);
  board.writeConfiguration('00:05.0', 0x3c, 11, 1);
  t.is(board.readConfiguration('00:04.0', 0x3c, 1), 11);
  board.add('pci', PciHost, {});
  board.out(0xcf8, 0x8000_2000, 4);
  t.is(board.in(0xcfc, 4), 0x1042_1af4);
});

test('mistakes of a test are told', t => {
  const board = new DeviceBoard();
  for (const wire of ['isa', 'isa@x', 'isa@256', ''])
    t.throws(() => board.pin(wire), { instanceOf: MachineError, message: new RegExp(`^${wire} is no pin`) });
  t.throws(() => board.readConfiguration('4', 0), { message: /4 is no PCI slot/ });
  t.throws(() => board.add('copier', Copier, { port: -1 }), { message: /./, code: 'bad-option' });
});
