/** A machine's saved state: it goes on elsewhere as if nothing had been, and what is not such a state changes nothing. */
import test, { type ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { accelerators } from '#accelerators';
import { amd, assemble, type CpuModel, type CpuState, intel, MachineError } from '#core';
import {
  type BootSource,
  build,
  decodeState,
  encodeState,
  type Machine,
  type MachineState,
  microvm,
  profile,
} from '#machines';

function guest(source: string): BootSource {
  const { bytes } = assemble(32, source, { origin: 0x10_0000 });
  return { kind: 'raw', image: bytes, options: { address: 0x10_0000, mode: 'protected', stack: 0x9_0000 } };
}

const small = microvm.with({ memory: '2 MiB' });
const names = accelerators.map(({ name }) => name);

/** Writes its time-stamp counter, has the APIC wait for a value of it, and counts what it can until then. */
const deadline = small.with({
  boot: guest(`
    mov dword ptr [0xfee000f0], 0x1ff
    mov dword ptr [0xfee00320], 0x40030
    mov ecx, 0x10
    xor eax, eax
    mov edx, 0x1000
    wrmsr
    mov ecx, 0x6e0
    mov eax, 100000
    wrmsr
  again:
    inc ebx
    test dword ptr [0xfee00210], 0x10000
    jz again
    rdtsc
    mov ecx, eax
    mov dx, 0xf4
    mov al, 1
    out dx, al
    hlt
  `),
});

/** What the guest has when it has ended. */
async function end(machine: Machine) {
  const outcome = await machine.run({ timeout: '1 ms' });
  const { registers } = machine.processors[0].getState('general').general;
  return { outcome, now: machine.now, counted: registers[3], tsc: registers[1], tscHigh: registers[2] };
}

test('a guest that sets its time-stamp counter is interrupted at its deadline, on the first machine and after a move', async t => {
  await using first = await build(deadline, { accelerator: names[0] });
  const expected = await end(first);
  t.deepEqual(expected.outcome, { kind: 'exit', code: 3 });
  t.true(expected.now > 100_000 && expected.now < 100_100, `${expected.now}`);
  for (const from of names) {
    await using source = await build(deadline, { accelerator: from });
    t.is((await source.run({ timeout: 40_000 })).kind, 'timeout');
    const state = source.save();
    for (const to of names) {
      await using target = await build(deadline, { accelerator: to });
      target.restore(state);
      t.is(target.now, 40_000);
      t.deepEqual(await end(target), expected, `${from} to ${to}`);
    }
    t.deepEqual(await end(source), expected, from);
  }
});

/** Opens the serial port's interrupt in the I/O APIC, and the PIC's in the local APIC; then closes the one, and both sources ask. */
const standing = profile('standing', {
  ...small,
  devices: { lapic: small.devices.lapic!, com1: small.devices.com1!, ...small.devices },
  boot: guest(`
    mov dword ptr [0xfee000f0], 0x1ff
    mov dword ptr [0xfee00350], 0x42
    mov dword ptr [0xfec00000], 0x18
    mov dword ptr [0xfec00010], 0x41
    mov ecx, 1000
    wait: loop wait
    mov dword ptr [0xfec00010], 0x10041
    mov dword ptr [0xfee00350], 0x10042
    mov dx, 0x3fc
    mov al, 8
    out dx, al
    mov dx, 0x3f9
    mov al, 2
    out dx, al
    mov dx, 0x21
    mov al, 0
    out dx, al
    mov dword ptr [0xfee00350], 0x42
    end: jmp end
  `),
});

test('a wire that stands is no edge in the machine that is restored', async t => {
  await using source = await build(standing, { accelerator: 'software' });
  await source.run({ timeout: 2000 });
  const state = source.save();
  t.true(source.device('pic').inspect().pending);
  await using target = await build(standing, { accelerator: 'software' });
  await target.run({ timeout: 500 });
  target.restore(state);
  same(t, target.save(), state);
  for (const machine of [source, target]) await machine.run({ timeout: 1000 });
  same(t, target.save(), source.save());
});

/** Without `deepEqual` of megabytes. */
function same(t: ExecutionContext, state: MachineState, expected: MachineState, title?: string): void {
  t.deepEqual({ ...state, memory: [] }, { ...expected, memory: [] }, title);
  t.true(
    state.memory.every(({ bytes }, n) => Buffer.compare(bytes, expected.memory[n].bytes) === 0),
    title,
  );
}

for (const accelerator of names) {
  test(`${accelerator}: a machine goes back to what it was, as often as one likes`, async t => {
    await using machine = await build(deadline, { accelerator });
    await machine.run({ timeout: 30_000 });
    const state = machine.save();
    const first = await end(machine);
    for (let round = 0; round < 2; round++) {
      machine.restore(state);
      t.is(machine.now, 30_000);
      same(t, machine.save(), state);
      t.deepEqual(await end(machine), first);
    }
  });
}

type Change = (state: Writable) => unknown;
// biome-ignore lint/suspicious/noExplicitAny: a state that somebody else wrote
type Writable = any;

const refused: readonly (readonly [title: string, path: string, change: Change])[] = [
  ['another version', 'version', state => (state.version = 2)],
  ['no version', 'version', state => delete state.version],
  ['another profile', 'profile', state => (state.profile = 'pc')],
  ['strange randomness', 'entropy.0', state => (state.entropy[0] = 0.5)],
  ['too little randomness', 'entropy', state => state.entropy.pop()],
  ['no time', 'time', state => (state.time = Number.NaN)],
  ['negative time', 'time', state => (state.time = -1)],
  ['time as text', 'time', state => (state.time = '1')],
  ['no processors', 'processors', state => delete state.processors],
  ['another processor', 'processors', state => state.processors.push(state.processors[0])],
  ['a processor that is none', 'processors.0', state => (state.processors[0] = null)],
  ['a processor without MSRs', 'processors.0.msrs', state => delete state.processors[0].msrs],
  ['too few registers', 'processors.0.general.registers', state => state.processors[0].general.registers.pop()],
  [
    'registers that are no list',
    'processors.0.general.registers',
    state => (state.processors[0].general.registers = { length: 16 }),
  ],
  ['a register too wide', 'processors.0.general.rip', state => (state.processors[0].general.rip = 2n ** 64n)],
  ['a negative register', 'processors.0.controls.cr3', state => (state.processors[0].controls.cr3 = -1n)],
  ['a register as number', 'processors.0.controls.cr3', state => (state.processors[0].controls.cr3 = 1)],
  [
    'a selector that is none',
    'processors.0.segments.cs.selector',
    state => (state.processors[0].segments.cs.selector = 1.5),
  ],
  ['a limit too large', 'processors.0.segments.ss.limit', state => (state.processors[0].segments.ss.limit = 2 ** 32)],
  ['a flag that is none', 'processors.0.interrupts.halted', state => (state.processors[0].interrupts.halted = 'no')],
  [
    'an event that is none',
    'processors.0.interrupts.event.vector',
    state => (state.processors[0].interrupts.event = { vector: 'x' }),
  ],
  [
    'branches that are none',
    'processors.0.debug.branches.debugControl',
    state => (state.processors[0].debug.branches = { debugControl: 'x' }),
  ],
  ['a vector that is none', 'processors.0', state => (state.processors[0].interrupts.event = { vector: 2 })],
  ['half an FPU', 'processors.0.fpu', state => (state.processors[0].fpu = new Uint8Array(256))],
  ['no activity', 'activity', state => (state.activity = [])],
  ['an unknown activity', 'activity', state => (state.activity = ['dancing'])],
  ['no turn', 'turn', state => delete state.turn],
  [
    'the turn of a processor that is not there',
    'turn',
    state => {
      state.turn = { processor: 1, end: 0 };
    },
  ],
  ['a turn without end', 'turn', state => (state.turn = { processor: 0, end: Number.POSITIVE_INFINITY })],
  ['no devices', 'devices', state => delete state.devices],
  ['a missing device', 'devices.rtc', state => delete state.devices.rtc],
  ['a device that the machine has not', 'devices.vga', state => (state.devices.vga = { version: 1 })],
  [
    'a device of another version',
    'devices.com1',
    state => (state.devices.com1 = { ...state.devices.com1, version: 77 }),
  ],
  [
    'a damaged device',
    'devices.rtc.registers',
    state => (state.devices.rtc = { ...state.devices.rtc, registers: null }),
  ],
  [
    'a number that is none',
    'devices.lapic.timer.deadline',
    state => {
      state.devices.lapic.units[0].timer.deadline = 'soon';
      state.devices.lapic.units[0].timer.entry = 0x4_0030;
    },
  ],
  ['other RAM', 'memory', state => (state.memory = [{ base: 0, bytes: new Uint8Array(4096) }])],
  ['RAM elsewhere', 'memory', state => (state.memory[0].base = 4096)],
  ['RAM as list', 'memory', state => (state.memory[0].bytes = [1, 2])],
  ['no RAM', 'memory', state => (state.memory = [])],
];

test('what is no state of this machine is refused by its path, and nothing is changed', async t => {
  await using source = await build(deadline, { accelerator: 'software' });
  await source.run({ timeout: 50_000 });
  const good = source.save();
  for (const accelerator of names) {
    await using machine = await build(deadline, { accelerator });
    await machine.run({ timeout: 20_000 });
    const before = machine.save();
    for (const [title, path, change] of refused) {
      const state = structuredClone(good) as MachineState;
      change(state);
      const error = t.throws(() => machine.restore(state), { instanceOf: MachineError }, title);
      t.is(error?.code, 'bad-state', title);
      t.is(error?.path, path, title);
      t.regex(error?.remedy ?? '', /same profile/, title);
      t.is(error?.message.split(`${path}:`).length, 2, `${title}: the path is named once: ${error?.message}`);
      same(t, machine.save(), before, title);
    }
    for (const state of [undefined, null, 5, 'state', []])
      t.throws(() => machine.restore(state as never), { instanceOf: MachineError, code: 'bad-state' });
    same(t, machine.save(), before);
    t.deepEqual((await end(machine)).outcome, { kind: 'exit', code: 3 });
  }
});

test('no values of a processor can do more than end the run', async t => {
  const word = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(0n, 2n ** 64n - 1n, 0x8000_0033n));
  const random = (value: unknown, next: () => bigint): unknown => {
    if (typeof value === 'bigint') return next() % 3n === 0n ? value : next();
    if (typeof value === 'number') return next() % 3n === 0n ? value : Number(next() & 0xffff_ffffn);
    if (typeof value === 'boolean') return (next() & 1n) === 1n;
    if (value instanceof Uint8Array) return value.map(() => Number(next() & 0xffn));
    if (Array.isArray(value)) return value.map(each => random(each, next));
    return Object.fromEntries(Object.entries(value as object).map(([name, each]) => [name, random(each, next)]));
  };
  for (const accelerator of names) {
    await using machine = await build(deadline, { accelerator });
    const good = machine.save();
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(word), async words => {
        const processor = random(good.processors[0], () => words.next().value) as CpuState;
        machine.restore({ ...good, processors: [processor] });
        t.truthy((await machine.run({ timeout: '10 us' })).kind);
      }),
      { seed: 3, numRuns: 100 },
    );
    machine.restore(good);
    t.deepEqual((await end(machine)).outcome, { kind: 'exit', code: 3 }, accelerator);
  }
});

test('a state goes through bytes, most of its memory being zeros, to another machine', async t => {
  await using source = await build(deadline, { accelerator: names[1] });
  await source.run({ timeout: 40_000 });
  const state = source.save();
  const bytes = encodeState(state);
  t.true(bytes.length < 200_000, `${bytes.length}`);
  same(t, decodeState(bytes), state);
  // Bytes may lie anywhere in a larger buffer.
  same(t, decodeState(Uint8Array.of(1, 2, 3, ...bytes).subarray(3)), state);
  await using target = await build(deadline, { accelerator: names[2] });
  target.restore(decodeState(bytes));
  t.deepEqual(await end(target), await end(source));
});

test('bytes that are no state, not a whole one, or damaged anywhere are refused', async t => {
  await using machine = await build(small, { accelerator: 'software' });
  const bytes = encodeState(machine.save());
  const refusal = { instanceOf: MachineError, code: 'bad-state' } as const;
  const read = (change: (copy: Uint8Array) => Uint8Array) => () => decodeState(change(bytes.slice()));
  t.throws(
    read(() => new Uint8Array(0)),
    { ...refusal, message: /no saved state/ },
  );
  t.throws(
    read(copy => copy.fill(0, 0, 4)),
    { ...refusal, message: /no saved state/ },
  );
  t.throws(
    read(copy => copy.fill(9, 4, 5)),
    { ...refusal, message: /format 9, not 1/ },
  );
  for (const length of [1, 15, 16, 17, 1000, bytes.length - 1])
    t.throws(
      read(copy => copy.subarray(0, length)),
      refusal,
      `${length} bytes`,
    );
  for (let at = 8; at < bytes.length; at += 997)
    t.throws(
      read(copy => copy.fill(copy[at] ^ 0x10, at, at + 1)),
      { ...refusal, message: /truncated or damaged/ },
      `${at}`,
    );
});

test('bytes with a right checksum may say what they like', t => {
  const forged = (value: unknown): Uint8Array => encodeState(value as MachineState);
  for (const value of [
    { $integer: 'x' },
    { $integer: {} },
    { $bytes: 5, pages: [0] },
    { $bytes: 2 ** 40, pages: [] },
    { $bytes: -1, pages: [] },
    { $bytes: 'many', pages: [] },
    { $bytes: 5 },
    { $bytes: 5, pages: [-1] },
    { $bytes: 5, pages: [7] },
    { $bytes: 5, pages: ['a'] },
  ])
    t.throws(
      () => decodeState(forged({ value })),
      { instanceOf: MachineError, code: 'bad-state' },
      JSON.stringify(value),
    );
});

const hypervisors: readonly [cpu: CpuModel, source: string][] = [
  [
    amd({ virtualization: true }),
    `mov ecx, 0xc0000080
     mov eax, 0x1000
     xor edx, edx
     wrmsr
     clgi`,
  ],
  [
    intel({ virtualization: true }),
    `mov dword ptr [0x120000], 0x83
     mov eax, 0x120000
     mov cr3, eax
     mov eax, 0x2010
     mov cr4, eax
     mov eax, cr0
     or eax, 0x80000020
     mov cr0, eax
     mov ecx, 0x3a
     rdmsr
     test al, 1
     jnz locked
     mov eax, 5
     wrmsr
   locked:
     mov ecx, 0x480
     rdmsr
     mov [0x130000], eax
     mov dword ptr [0x140000], 0x130000
     vmxon [0x140000]
     seta al`,
  ],
];
for (const [cpu, source] of hypervisors)
  test(`a guest that is a hypervisor itself is not saved by halves; another life may be put in its place: ${cpu.vendor}`, async t => {
    const profile = small.with({
      cpu,
      boot: guest(`
      nop
      ${source}
      mov dx, 0xf4
      and al, 1
      xor al, ${cpu.vendor === 'intel' ? 1 : 0}
      out dx, al
      hlt
    `),
    });
    await using machine = await build(profile, { accelerator: 'software' });
    const before = machine.save();
    t.deepEqual(await machine.run({ timeout: '1 ms' }), { kind: 'exit', code: 1 });
    const error = t.throws(() => machine.save(), { instanceOf: MachineError, code: 'unsupported' });
    t.is(error?.path, 'processors.0');
    machine.restore(before);
    same(t, machine.save(), before);
    t.deepEqual(await machine.run({ timeout: '1 ms' }), { kind: 'exit', code: 1 });
  });
