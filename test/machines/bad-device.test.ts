/** A device of a plugin that throws, wherever it may: the run ends with an error that names it. */
import test from 'ava';
import {
  assemble,
  Clock,
  ComponentName,
  choice,
  Device,
  device,
  HostTasks,
  MachineError,
  Mmio,
  Msrs,
  Options,
  type OptionsOf,
  PciSlots,
  Ports,
  Wires,
} from '#core';
import { DebugConsole, DebugExit, LocalApic, PciHost, VirtioDevice } from '#devices';
import { build, profile, use } from '#machines';
import { classify } from '#plugins';
import { Rng } from '../../devices/virtio/rng.ts';

const places = [
  'port read',
  'port write',
  'wide port read',
  'address read',
  'address write',
  'split address read',
  'MSR read',
  'MSR write',
  'timer',
  'host task',
  'wire',
  'PCI configuration read',
  'PCI configuration write',
  'text',
  'reset',
  'save',
  'restore',
] as const;
type Place = (typeof places)[number];

@device('grenade')
class Grenade extends Device {
  static readonly options = { at: choice(...places) };
  armed = true;
  /** Firmware goes over the PCI bus while the machine is built. */
  #running = false;

  constructor(
    @Options private readonly given: OptionsOf<typeof Grenade.options>,
    @ComponentName name: string,
    @Ports ports: Ports,
    @Mmio mmio: Mmio,
    @Msrs msrs: Msrs,
    @Clock clock: Clock,
    @HostTasks tasks: HostTasks,
    @Wires wires: Wires,
    @PciSlots pci: PciSlots,
  ) {
    super();
    const { at } = given;
    const line = wires.line('grenade@0');
    wires.provide('grenade', 1, () => ({
      name: 'pin',
      assert: () => this.throwAt('wire'),
      deassert() {},
      pulse() {},
    }));
    ports.claim(
      { base: 0x500, length: 8 },
      {
        name,
        read: () => {
          this.throwAt('port read');
          if (at === 'text') throw 'a text';
          return 0;
        },
        write: () => {
          this.throwAt('port write');
          this.#running = true;
          if (at === 'timer') clock.schedule(clock.now + 10_000, () => this.throwAt('timer'));
          if (at === 'host task') tasks.perform(Promise.resolve(), 10_000, () => this.throwAt('host task'));
          if (at === 'wire') line.assert();
        },
      },
    );
    ports.claim({ base: 0x510, length: 2 }, { name, read8: () => this.throwAt('wide port read', 0) });
    mmio.claim(
      { base: 0xfed8_0000, length: 0x1002 },
      {
        name,
        read: offset => this.throwAt(offset === 0x1000 ? 'split address read' : 'address read'),
        write: () => this.throwAt('address write'),
      },
    );
    msrs.claim(0x1234, {
      name,
      read: () => this.throwAt('MSR read', 0n),
      write: () => this.throwAt('MSR write', true),
    });
    if (at.startsWith('PCI'))
      pci.attach(8, {
        name,
        multiFunction: false,
        readConfiguration: () => (this.#running ? this.throwAt('PCI configuration read', 0) : 0),
        writeConfiguration: () => this.#running && this.throwAt('PCI configuration write'),
        reset() {},
        decode() {},
        conceal() {},
      });
  }

  throwAt<T>(place: Place, otherwise?: T): T {
    if (this.given.at === place && this.armed) throw new RangeError('pulled');
    return otherwise as T;
  }
  reset(): void {
    if (this.given.at !== 'reset' || this.armed) this.throwAt('reset');
  }
  save() {
    this.throwAt('save');
    return { version: 1 };
  }
  restore(): void {
    this.throwAt('restore');
  }
  inspect() {
    return {};
  }
}

const code = `
  mov ebx, 0xfed80000
  mov edx, 0x500
  out dx, al
  in al, dx
  mov edx, 0x510
  in ax, dx
  mov eax, [rbx]
  mov [rbx], eax
  mov eax, [rbx + 0x1000]
  mov ecx, 0x1234
  rdmsr
  wrmsr
  mov edx, 0xcf8
  mov eax, 0x80000800
  out dx, eax
  mov edx, 0xcfc
  in eax, dx
  out dx, eax
  mov ecx, 200000
again:
  loop again
  mov edx, 0xf4
  mov al, 42
  out dx, al
  hlt`;

const machine = (at: Place, source = code) =>
  profile('minefield', {
    description: '',
    memory: '2 MiB',
    processors: 1,
    cpu: 'amd',
    clock: 'virtual',
    console: 'console',
    acpi: false,
    boot: { kind: 'raw', image: assemble(64, source, { origin: 0x7c00 }).bytes, options: { mode: 'long' } },
    devices: {
      lapic: use(LocalApic, {}),
      console: use(DebugConsole, { port: 123 }),
      exit: use(DebugExit, { port: 0xf4, code: 'plain' }),
      pci: use(PciHost, { irqs: ['grenade@0', 'grenade@0', 'grenade@0', 'grenade@0'] }),
      bad: use(Grenade, { at }),
    },
    absent: {},
  });

classify('./grenade.ts', { Grenade });

function accuse(t: import('ava').ExecutionContext, error: MachineError, at: Place): void {
  t.is(error.code, 'bad-device');
  t.is(error.path, 'devices.bad');
  t.regex(error.message, /device:grenade of \.\/grenade\.ts failed in /);
  t.regex(error.message, at === 'text' ? /a text/ : /pulled at \S*bad-device\.test\.ts:\d+/);
  t.truthy(error.remedy);
  if (at !== 'text') t.true(error.cause instanceof RangeError);
}

const whileRunning = places.filter(place => !['reset', 'save', 'restore'].includes(place));
for (const accelerator of ['software', 'nvmm-svm', 'nvmm-vmx'])
  for (const at of whileRunning)
    test(`${accelerator}: ${at}: the run names the device, and the machine can be disposed of`, async t => {
      await using broken = await build(machine(at), { accelerator });
      accuse(t, (await t.throwsAsync(broken.run({ timeout: '1s' }), { instanceOf: MachineError }))!, at);
      const again = await t.throwsAsync(broken.run(), { instanceOf: MachineError });
      t.is(again!.code, 'bad-call');
      t.regex(again!.message, /broken/);
    });

test('a device that throws nowhere lets the guest come to its end', async t => {
  await using sound = await build(machine('save'));
  t.deepEqual(await sound.run(), { kind: 'exit', code: 42 });
});

test('in real time, too, a host task is laid at its device’s door', async t => {
  const endless = code.replace('loop again', 'jmp again');
  await using broken = await build(machine('host task', endless).with({ clock: 'host' }), { accelerator: 'software' });
  const error = await t.throwsAsync(broken.run({ timeout: '20s' }), { instanceOf: MachineError });
  t.is(error!.path, 'devices.bad');
});

test('reset: while it is built, and later', async t => {
  accuse(t, (await t.throwsAsync(build(machine('reset')), { instanceOf: MachineError }))!, 'reset');
});

test('save and restore', async t => {
  await using saving = await build(machine('save'), { accelerator: 'software' });
  accuse(t, t.throws(() => saving.save(), { instanceOf: MachineError })!, 'save');
  await using restoring = await build(machine('restore'), { accelerator: 'software' });
  const grenade = restoring.device('bad', Grenade);
  const state = restoring.save();
  grenade.armed = false;
  restoring.restore(state);
  grenade.armed = true;
  accuse(t, t.throws(() => restoring.restore(state), { instanceOf: MachineError })!, 'restore');
});

test('what `until` throws breaks no machine', async t => {
  await using sound = await build(machine('save'), { accelerator: 'software' });
  const mine = new Error('mine');
  const until = () => {
    throw mine;
  };
  t.is(await t.throwsAsync(sound.run({ until })), mine);
  t.deepEqual(await sound.run(), { kind: 'exit', code: 42 });
});

@device('mad-rng')
class MadRng extends VirtioDevice {
  static readonly options = {};
  constructor(@ComponentName name: string, @PciSlots slots: PciSlots, @Clock clock: Clock) {
    const model = new Rng({ fill() {} });
    model.reset = () => {
      throw new RangeError('pulled');
    };
    super({ name, slot: '00:02.0', slots, memory: { regions: [] } as never, clock, model, classCode: 0x00_ff00 });
  }
}

test('a virtio model is its device’s', async t => {
  const { devices } = machine('save');
  const mad = machine('save').with({
    devices: { ...devices, bad: use(MadRng, {}), grenade: use(Grenade, { at: 'save' }) },
  });
  const error = await t.throwsAsync(build(mad), { instanceOf: MachineError });
  t.is(error!.code, 'bad-device');
  t.is(error!.path, 'devices.bad');
});

test('what a device of virt64 throws stays the error that it is', async t => {
  await using strange = await build(machine('save'), { accelerator: 'software' });
  const mine = new Error('from a listener');
  strange.serial.events.on('output', () => {
    throw mine;
  });
  strange.memory.write(0x7c00, assemble(64, 'mov edx, 123\n out dx, al\n hlt', { origin: 0x7c00 }).bytes);
  t.is(await t.throwsAsync(strange.run()), mine);
});
