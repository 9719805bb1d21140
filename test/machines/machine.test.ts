/** A machine as a program uses it, with guests of a few instructions. */
import test from 'ava';
import { type AcceleratorFactory, accelerators } from '#accelerators';
import { amd, assemble, Device, device, differences, intel, MachineError } from '#core';
import { IsaSerial } from '#devices';
import { type BootSource, build, microvm, toyvirt, use } from '#machines';
import { ramRanges } from '../../machines/memory.ts';

/** A guest in 32-bit protected mode. */
function guest(source: string): BootSource {
  const { bytes } = assemble(32, source, { origin: 0x10_0000 });
  return { kind: 'raw', image: bytes, options: { address: 0x10_0000, mode: 'protected', stack: 0x9_0000 } };
}

const small = microvm.with({ memory: '2 MiB' });
const software = { accelerator: 'software' };

/** Prints a prompt, waits for a character, prints it and goes round; x ends it with the count of loops that it waited. */
const echo = guest(`
    mov dx, 0x3f9
    mov al, 1
    out dx, al
    mov dx, 0x3f8
    mov al, 62
    out dx, al
  wait:
    inc ebx
    mov dx, 0x3fd
    in  al, dx
    test al, 1
    jz  wait
    mov dx, 0x3f8
    in  al, dx
    out dx, al
    cmp al, 120
    jne wait
    mov dx, 0xf4
    mov al, 1
    out dx, al
    hlt
`);

const endings: readonly [string, string, object][] = [
  ['ACPI power-off', 'mov dx, 0x604\nmov ax, 0x3400\nout dx, ax\nend: jmp end', { kind: 'powerOff' }],
  ['reset by port CF9', 'mov dx, 0xcf9\nmov al, 6\nout dx, al\nend: jmp end', { kind: 'reset' }],
  ['triple fault', 'lidt [0x500]\nud2', { kind: 'tripleFault', processor: 0 }],
  ['debug exit', 'mov dx, 0xf4\nmov al, 21\nout dx, al\nend: jmp end', { kind: 'exit', code: 43 }],
  ['HLT with interrupts off', 'cli\nhlt', { kind: 'halted' }],
];

for (const [title, source, expected] of endings) {
  test(`how a run ends: ${title}`, async t => {
    await using machine = await build(small.with({ boot: guest(source) }), software);
    t.deepEqual(await machine.run({ timeout: '1 s' }), expected as never);
  });
}

for (const { name } of accelerators) {
  test(`${name}: a time-stamp counter that is set beyond its deadline interrupts at once, one that is set back later`, async t => {
    const armed = (counter: number) =>
      small.with({
        boot: guest(`
          mov dword ptr [0xfee000f0], 0x1ff
          mov dword ptr [0xfee00320], 0x40030
          mov ecx, 0x6e0
          mov eax, 2000000
          xor edx, edx
          wrmsr
          mov ecx, 0x10
          mov eax, ${counter}
          wrmsr
          mov ebx, [0xfee00210]
          again: test dword ptr [0xfee00210], 0x10000
          jz again
          mov dx, 0xf4
          mov al, 1
          out dx, al
        `),
      });
    const run = async (counter: number) => {
      await using machine = await build(armed(counter), { accelerator: name });
      t.deepEqual(await machine.run({ timeout: '10 ms' }), { kind: 'exit', code: 3 });
      return { now: machine.now, requested: machine.processors[0].getState('general').general.registers[3] };
    };
    t.deepEqual(await run(2_000_000), { now: 15, requested: 0x1_0000n });
    const { now, requested } = await run(1_000_000);
    t.is(requested, 0n);
    t.true(now > 1_000_000 && now < 1_000_100, `${now}`);
  });
}

test('a timeout is guest time, and a run goes on where the last one ended', async t => {
  await using machine = await build(small.with({ boot: guest('again: inc ebx\njmp again') }), software);
  t.is((await machine.run({ timeout: '1 ms' })).kind, 'timeout');
  t.is(machine.now, 1_000_000);
  const before = machine.processors[0].getState('general').general.registers[3];
  t.true(before > 0n);
  t.is((await machine.run({ timeout: 500_000 })).kind, 'timeout');
  t.is(machine.now, 1_500_000);
  t.true(machine.processors[0].getState('general').general.registers[3] > before);
});

test('until: a pattern sees only what comes after the call, a predicate anything', async t => {
  await using machine = await build(toyvirt);
  t.is((await machine.run({ until: /CPUID/g })).kind, 'until');
  t.notRegex(machine.serial.text, /all well/);
  t.is((await machine.run({ until: /port I\/O/, timeout: '1 s' })).kind, 'exit');
  machine.reset();
  let asked = 0;
  t.is((await machine.run({ until: () => ++asked === 2 })).kind, 'until');
});

test('a conversation over the serial port, the same to the instruction in every run', async t => {
  const talk = async () => {
    await using machine = await build(small.with({ boot: echo }), software);
    const running = machine.run({ timeout: '1 s' });
    await machine.serial.waitFor('>');
    machine.serial.type('a');
    await machine.serial.waitFor('a');
    await Promise.resolve();
    machine.serial.type('x');
    t.deepEqual(await running, { kind: 'exit', code: 3 });
    t.is(machine.serial.text, '>ax');
    return machine.now;
  };
  t.is(await talk(), await talk());
});

test('whoever waits for what never comes learns of the end of the run', async t => {
  await using machine = await build(small.with({ boot: guest('cli\nhlt') }), software);
  const waiting = t.throwsAsync(machine.serial.waitFor('login:'), { message: /halted/ });
  await machine.run();
  await waiting;
});

test('whoever waits longer than the run learns of that too, and may wait again', async t => {
  await using machine = await build(small.with({ boot: echo }), software);
  const inVain = t.throwsAsync(machine.serial.waitFor('login:'), { instanceOf: MachineError, message: /timeout/ });
  t.is((await machine.run({ timeout: 10_000 })).kind, 'timeout');
  await inVain;
  const stopped = t.throwsAsync(machine.serial.waitFor('login:'), { instanceOf: MachineError, message: /stopped/ });
  setTimeout(() => machine.stop(), 1);
  await machine.run();
  await stopped;
  const patient = machine.serial.waitFor('y');
  t.is((await machine.run({ until: () => true })).kind, 'until');
  machine.serial.type('y');
  t.is((await machine.run({ until: /y/ })).kind, 'until');
  await patient;
  machine.serial.type('x');
  t.is((await machine.run()).kind, 'exit');
  await t.throwsAsync(machine.serial.waitFor('more'), { instanceOf: MachineError, message: /ended with exit/ });
  machine.reset();
  const prompt = machine.serial.waitFor('>');
  await machine.run({ until: />/ });
  await prompt;
});

test('two machines in one process do not notice each other', async t => {
  const alone = async (boot: BootSource, accelerator: string) => {
    await using machine = await build(small.with({ boot }), { accelerator });
    await machine.run({ timeout: '1 ms' });
    return machine.processors[0].getState();
  };
  const counters = [
    guest('again: inc ebx\nadd ecx, ebx\njmp again'),
    guest('again: add ebx, 3\nxor ecx, ebx\njmp again'),
  ];
  const expected = [await alone(counters[0], 'nvmm-svm'), await alone(counters[1], 'software')];
  await using first = await build(small.with({ boot: counters[0] }), { accelerator: 'nvmm-svm' });
  await using second = await build(small.with({ boot: counters[1] }), software);
  for (let n = 0; n < 5; n++) await Promise.all([first, second].map(machine => machine.run({ timeout: 100_000 })));
  for (let n = 0; n < 10; n++) await (n & 1 ? first : second).run({ timeout: 50_000 });
  for (const machine of [first, second]) await machine.run({ timeout: 1_000_000 - machine.now });
  t.deepEqual(
    [first, second].map(machine => machine.processors[0].getState()),
    expected,
  );
});

test('a handler may end the run that it is in, and whatever ended it first counts', async t => {
  await using machine = await build(
    small.with({ boot: guest('mov dx, 0x3f8\nmov al, 62\nout dx, al\nagain: jmp again') }),
    software,
  );
  machine.serial.events.once('output', () => machine.stop());
  t.is((await machine.run()).kind, 'stopped');
  t.is(machine.serial.text, '>');
});

test('stop ends a run from outside; afterwards it can go on', async t => {
  await using machine = await build(small.with({ boot: guest('again: jmp again') }), software);
  setTimeout(() => machine.stop(), 20);
  t.is((await machine.run()).kind, 'stopped');
  t.is((await machine.run({ timeout: '1 ms' })).kind, 'timeout');
});

test('a machine that is left while it runs is stopped first', async t => {
  let running: Promise<{ kind: string }>;
  {
    await using machine = await build(small.with({ boot: guest('again: jmp again') }), software);
    running = machine.run();
  }
  t.is((await running).kind, 'stopped');
});

test('reset is power-on again', async t => {
  await using machine = await build(toyvirt);
  t.deepEqual(await machine.run(), { kind: 'exit', code: 0 });
  const first = machine.serial.text;
  machine.reset();
  t.deepEqual(await machine.run(), { kind: 'exit', code: 0 });
  t.is(machine.serial.text, first + first);
});

test('an idle machine with a terminal waits for it, and does not spin', async t => {
  const listener = guest(`
      mov dx, 0x3f9
      mov al, 1
      out dx, al
      cli
      hlt
  `);
  await using machine = await build(small.with({ boot: listener, clock: 'host' }), { ...software, interactive: true });
  t.is((await machine.run()).kind, 'halted', 'with interrupts off it never wakes, terminal or not');
  await using idle = await build(small.with({ boot: guest('sti\nhlt') }), { ...software, interactive: true });
  const processor = idle.processors[0];
  const enter = processor.run.bind(processor);
  let entries = 0;
  processor.run = () => {
    entries++;
    return enter();
  };
  setTimeout(() => idle.stop(), 100);
  t.is((await idle.run()).kind, 'stopped');
  t.is(entries, 1);
});

test('misuse is answered, not obeyed', async t => {
  const machine = await build(small.with({ boot: guest('again: jmp again') }), software);
  const running = machine.run({ timeout: '50 ms' });
  await t.throwsAsync(machine.run(), { instanceOf: MachineError, message: /running already/ });
  t.throws(() => machine.save(), { instanceOf: MachineError });
  await running;
  t.throws(() => machine.device('com9'), { instanceOf: MachineError, message: /com1/ });
  t.throws(() => machine.device('pit', IsaSerial), { instanceOf: MachineError });
  t.true(machine.device('com1', IsaSerial) instanceof IsaSerial);
  for (const timeout of [-1, Number.NaN, '5', '5 days', null as never])
    await t.throwsAsync(machine.run({ timeout }), { instanceOf: MachineError, code: 'bad-argument' }, `${timeout}`);
  await t.throwsAsync(machine.run({ timeout: 'soon' }), { instanceOf: MachineError, message: /"soon" is no time/ });
  await machine[Symbol.asyncDispose]();
  await machine[Symbol.asyncDispose]();
  await t.throwsAsync(machine.run(), { instanceOf: MachineError, message: /disposed/ });
  for (const use of [() => machine.save(), () => machine.restore({} as never), () => machine.reset()])
    t.throws(use, { instanceOf: MachineError, code: 'bad-call', message: /disposed/ });
  await t.throwsAsync(machine.serial.waitFor('x'), { instanceOf: MachineError, message: /disposed/ });
});

test('every device can be looked into', async t => {
  await using machine = await build(small);
  t.deepEqual(Object.keys(machine.inspect()), Object.keys(small.devices));
});

test('an accelerator is found by its name, or nearly', async t => {
  const error = await t.throwsAsync(build(small, { accelerator: 'sofware' }), { instanceOf: MachineError });
  t.regex(error!.remedy!, /did you mean software\?/);
});

class Probe extends Device {
  static readonly options = {};
  resets = 0;

  reset(): void {
    this.resets++;
  }
  save() {
    return { version: 1 };
  }
  restore(): void {}
  inspect() {
    return {};
  }
}
device('probe')(Probe);

test('devices are reset once before the first run, and with the machine', async t => {
  await using machine = await build(small.with({ devices: { probe: use(Probe, {}) } }), software);
  const probe = machine.device('probe', Probe);
  t.is(probe.resets, 1);
  machine.reset();
  t.is(probe.resets, 2);
});

test('reset leaves nothing of the last life in a processor', async t => {
  const source = `
    mov ecx, 0xc0000081
    mov eax, 5
    wrmsr
    mov dr0, eax
    mov cr2, eax
    fldpi
    mov dx, 0xf4
    out dx, al
    hlt
  `;
  await using machine = await build(small.with({ boot: guest(source) }), { accelerator: 'nvmm-svm' });
  const fresh = machine.processors[0].getState();
  t.is((await machine.run()).kind, 'exit');
  t.not(differences(machine.processors[0].getState(), fresh).length, 0);
  machine.reset();
  t.deepEqual(differences(machine.processors[0].getState(), fresh), []);
});

test('what a program writes over code is what runs', async t => {
  const source = 'again: call 0x110000\nmov dx, 0x3f8\nout dx, al\njmp again';
  for (const engine of ['interpreter', 'jit'] as const) {
    await using machine = await build(small.with({ boot: guest(source) }), { ...software, engine });
    machine.memory.write(0x11_0000, Uint8Array.of(0xb0, 0x61, 0xc3));
    t.is((await machine.run({ until: /aaaaaa/, timeout: '1 ms' })).kind, 'until');
    machine.memory.write(0x11_0000, Uint8Array.of(0xb0, 0x62, 0xc3));
    t.is((await machine.run({ until: /bbbbbb/, timeout: '1 ms' })).kind, 'until');
    machine.memory.write8(0x11_0001, 0x63);
    t.is((await machine.run({ until: /cccccc/, timeout: '1 ms' })).kind, 'until');
    t.regex(machine.serial.text, /^a+b+c+$/);
  }
});

test('the guest has the processor that the profile describes', async t => {
  const boot = guest('xor eax, eax\ncpuid\nmov eax, ebx\nmov dx, 0xf4\nout dx, al\nhlt');
  for (const [cpu, letter] of [
    ['amd', 'A'],
    ['intel', 'G'],
    [intel({ without: ['rdtscp'] }), 'G'],
  ] as const) {
    await using machine = await build(small.with({ boot, cpu }), software);
    t.deepEqual(await machine.run(), { kind: 'exit', code: letter.charCodeAt(0) * 2 + 1 });
  }
});

test('a processor that the accelerator cannot give is refused, and so is a clock that it does not have', async t => {
  for (const accelerator of ['nvmm-svm', 'nvmm-vmx'])
    await t.throwsAsync(
      build(small.with({ cpu: amd({ virtualization: true, debugControl: false }) }), { accelerator }),
      {
        code: 'unsupported',
        message: new RegExp(`^cpu: ${accelerator} cannot give a guest monitor, svm, rdtscp`),
      },
    );
  const plain = accelerators.find(({ name }) => name === 'software')!;
  const timeless: AcceleratorFactory = { ...plain, create: ({ clock: _, ...options }) => plain.create(options) };
  const real: AcceleratorFactory = { ...plain, create: options => plain.create({ ...options, clock: () => 0 }) };
  const refused = (clock: 'host' | 'virtual', accelerator: AcceleratorFactory) =>
    t.throwsAsync(build(small.with({ clock }), { accelerator }), {
      code: 'unsupported',
      message: /^clock: the time of software/,
    });
  await refused('host', timeless);
  await refused('virtual', real);
});

test('an accelerator is given back when the machine cannot be built', async t => {
  let disposed = 0;
  const plain = accelerators.find(({ name }) => name === 'software')!;
  const factory: AcceleratorFactory = {
    ...plain,
    create(options) {
      const accelerator = plain.create(options);
      return Object.assign(accelerator, { [Symbol.dispose]: () => disposed++ });
    },
  };
  const boot: BootSource = { kind: 'kernel', kernel: new Uint8Array(100) };
  await t.throwsAsync(build(small.with({ boot }), { accelerator: factory }), { code: 'bad-kernel' });
  t.is(disposed, 1);
  const machine = await build(small, { accelerator: factory });
  await machine[Symbol.asyncDispose]();
  t.is(disposed, 2);
});

test('memory beyond 3 GiB begins at 4 GiB', t => {
  const gibibyte = 2 ** 30;
  t.deepEqual(ramRanges(3 * gibibyte), [{ base: 0, size: 3 * gibibyte }]);
  t.deepEqual(ramRanges(3.5 * gibibyte), [
    { base: 0, size: 3 * gibibyte },
    { base: 4 * gibibyte, size: gibibyte / 2 },
  ]);
});
