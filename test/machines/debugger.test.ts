/** A debugger stops a machine between two instructions, looks, changes, and lets it go on. */
import test, { type ExecutionContext } from 'ava';
import { accelerators, type Breakpoint } from '#accelerators';
import { assemble } from '#core';
import { type BootSource, build, type Debugger, type Machine, microvm, type Profile, type StopReason } from '#machines';

const origin = 0x10_0000;

function guest(source: string): BootSource {
  const { bytes } = assemble(32, source, { origin });
  return { kind: 'raw', image: bytes, options: { address: origin, mode: 'protected', stack: 0x9_0000 } };
}

const small = microvm.with({ memory: '2 MiB' });
const names = accelerators.map(({ name }) => name);

/** Counts in ECX and in memory, and ends after a thousand turns. Each turn is four instructions. */
const counting = `
    xor ecx, ecx
again:
    inc ecx
    mov [0x80000], ecx
    cmp ecx, 1000
    jb  again
    mov dx, 0xf4
    mov al, 1
    out dx, al
    hlt
`;

/** Whoever stops next, or has stopped already. */
class Stops {
  readonly seen: StopReason[] = [];
  #wake: (() => void) | undefined;
  readonly onStop = (reason: StopReason): void => {
    this.seen.push(reason);
    this.#wake?.();
  };

  async until(count: number): Promise<StopReason> {
    while (this.seen.length < count)
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    return this.seen[count - 1];
  }
}

async function machineOf(t: ExecutionContext, profile: Profile, accelerator: string): Promise<Machine> {
  const machine = await build(profile, { accelerator });
  t.teardown(() => machine[Symbol.asyncDispose]());
  return machine;
}

const ecx = (machine: Machine, processor = 0): number =>
  Number(machine.processors[processor].getState('general').general.registers[1]);
const rip = (machine: Machine, processor = 0): number =>
  Number(machine.processors[processor].getState('general').general.rip);

for (const accelerator of names) {
  const the = `${accelerator}: `;

  test(`${the}steps are single instructions, and nothing of them stays`, async t => {
    const plain = await machineOf(t, small.with({ boot: guest(counting) }), accelerator);
    const undisturbed = await plain.run();
    const machine = await machineOf(t, small.with({ boot: guest(counting) }), accelerator);
    const stops = new Stops();
    const attached = machine.attach(stops);
    attached.pause();
    t.deepEqual(attached.stopped, { kind: 'paused' });
    const running = machine.run();
    const places = [rip(machine)];
    for (let n = 2; n <= 8; n++) {
      attached.resume({ step: 0 });
      t.deepEqual(await stops.until(n), { kind: 'step', processor: 0 });
      places.push(rip(machine));
    }
    t.deepEqual(
      places.map(place => place - origin),
      [0, 2, 3, 9, 15, 2, 3, 9],
    );
    t.is(ecx(machine), 2);
    attached[Symbol.dispose]();
    t.deepEqual(await running, undisturbed);
    t.is(machine.now, plain.now);
  });

  test(`${the}breakpoints on code and data stop where they should`, async t => {
    const machine = await machineOf(t, small.with({ boot: guest(counting) }), accelerator);
    const stops = new Stops();
    const attached = machine.attach(stops);
    const code: Breakpoint = { kind: 'code', address: BigInt(origin + 3), length: 1 };
    const data: Breakpoint = { kind: 'write', address: 0x80000n, length: 4 };
    attached.setBreakpoints([code, data]);
    const running = machine.run();
    t.deepEqual(await stops.until(1), { kind: 'breakpoint', processor: 0, breakpoint: code });
    t.is(ecx(machine), 1);
    t.is(machine.memory.read32(0x80000), 0);
    attached.resume();
    t.deepEqual(await stops.until(2), { kind: 'breakpoint', processor: 0, breakpoint: data });
    t.is(machine.memory.read32(0x80000), 1);
    attached.resume();
    t.deepEqual(await stops.until(3), { kind: 'breakpoint', processor: 0, breakpoint: code });
    t.is(ecx(machine), 2);
    const { general } = machine.processors[0].getState('general');
    machine.processors[0].setState({ general: { ...general, registers: general.registers.with(1, 999n) } });
    attached.setBreakpoints([]);
    attached.resume();
    t.like(await running, { kind: 'exit' });
    t.is(machine.memory.read32(0x80000), 1000);
  });

  test(`${the}a triple fault is shown before anything follows from it`, async t => {
    const machine = await machineOf(
      t,
      small.with({ boot: guest('lidt [empty]\nud2\nempty: dd 0\ndw 0') }),
      accelerator,
    );
    const stops = new Stops();
    const attached = machine.attach(stops);
    const running = machine.run();
    t.deepEqual(await stops.until(1), { kind: 'shutdown', processor: 0 });
    t.is(rip(machine) - origin, 7);
    attached.resume();
    t.deepEqual(await running, { kind: 'tripleFault', processor: 0 });
  });

  test(`${the}time stands while the machine does, on the host's clock, too`, async t => {
    let now = 0;
    const host = small.with({ boot: guest('again: jmp again'), clock: 'host' });
    const machine = await build(host, { accelerator, stopwatch: () => now++ * 1000 });
    t.teardown(() => machine[Symbol.asyncDispose]());
    const stops = new Stops();
    const attached = machine.attach(stops);
    const running = machine.run();
    attached.pause();
    await stops.until(1);
    const held = machine.now;
    const { tsc } = machine.processors[0].getState('msrs').msrs;
    now += 10_000_000;
    t.is(machine.now, held);
    t.is(machine.processors[0].getState('msrs').msrs.tsc, tsc);
    attached.resume({ step: 0 });
    await stops.until(2);
    t.true(machine.now > held && machine.now < held + 1e9, `${machine.now - held} ns`);
    machine.stop();
    t.deepEqual(await running, { kind: 'stopped' });
  });
}

/** The second processor starts at 0x8000 and counts in [0x80004] for good; the first one waits for that, then counts in ECX for good. */
const two = `
    mov dword ptr [0x80000], 0
    mov dword ptr [0x80004], 0
    mov dword ptr [0x8000], 0x0666c031
    mov dword ptr [0x8004], 0xfeebf5eb
    mov edi, 0x8000
    mov esi, other
    mov ecx, 32
    cld
    rep movsb
    mov dword ptr [0xfee00300], 0x000c4500
    mov dword ptr [0xfee00300], 0x000c4608
first:
    inc dword ptr [0x80000]
    jmp first
other:
    db 0xb8, 0x00, 0x80, 0x8e, 0xd8
    db 0x66, 0xff, 0x06, 0x04, 0x00
    db 0xeb, 0xf9
`;

for (const accelerator of names) {
  test(`${accelerator}: one processor alone runs or steps while the other stands`, async t => {
    const machine = await machineOf(t, small.with({ boot: guest(two), processors: 2 }), accelerator);
    const stops = new Stops();
    const attached = machine.attach(stops);
    // DS of the second processor is 8000, so that it counts at 80004.
    const counts = (): readonly number[] => [machine.memory.read32(0x80000), machine.memory.read32(0x80004)];
    const running = machine.run({ until: () => counts().every(each => each > 1000) && !attached.stopped });
    t.is((await running).kind, 'until');
    attached.pause();
    const more = machine.run({ timeout: '10 s' });
    const before = counts();
    for (let n = 2; n < 52; n++) {
      attached.resume({ step: 1, only: 1 });
      t.deepEqual(await stops.until(n), { kind: 'step', processor: 1 });
    }
    const after = counts();
    t.is(after[0], before[0]);
    t.true(after[1] - before[1] >= 24 && after[1] - before[1] <= 26);
    attached.setBreakpoints([{ kind: 'write', address: 0x80000n, length: 4 }]);
    attached.resume({ only: 0 });
    t.like(await stops.until(52), { kind: 'breakpoint', processor: 0 });
    t.deepEqual(counts(), [after[0] + 1, after[1]]);
    attached.setBreakpoints([]);
    attached.resume({ step: 0 });
    t.deepEqual(await stops.until(53), { kind: 'step', processor: 0 });
    machine.stop();
    await more;
  });
}

const software = 'software';

for (const accelerator of names) {
  test(`${accelerator}: a step of a processor that has halted is the first of what wakes it`, async t => {
    const halting = `
    lidt [table]
    mov eax, handler
    mov [0x1200], ax
    mov word ptr [0x1202], 0x10
    mov word ptr [0x1204], 0x8e00
    shr eax, 16
    mov [0x1206], ax
    mov dword ptr [0xfee000f0], 0x1ff
    mov dword ptr [0xfee00320], 0x40
    mov dword ptr [0xfee003e0], 0xb
    mov dword ptr [0xfee00380], 100000
    sti
    hlt
    inc ecx
stay:
    jmp stay
handler:
    nop
    nop
    iretd
table:
    dw 0x7ff
    dd 0x1000
`;
    const machine = await machineOf(t, small.with({ boot: guest(halting) }), accelerator);
    const stops = new Stops();
    const attached = machine.attach(stops);
    attached.pause();
    const running = machine.run();
    let steps = 1;
    while (machine.activity(0) !== 'halted' && steps < 30) {
      attached.resume({ step: 0 });
      await stops.until(++steps);
    }
    const halted = rip(machine);
    t.is(machine.memory.read8(halted - 1), 0xf4);
    const before = machine.now;
    attached.resume({ step: 0 });
    t.deepEqual(await stops.until(steps + 1), { kind: 'step', processor: 0 });
    t.true(machine.now - before > 50_000, 'the timer was waited for');
    t.is(rip(machine) - halted, 1 + 2 + 1, 'behind the first NOP of the handler, which follows INC and JMP');
    machine.stop();
    await running;
  });
}

test('what a debugger only looks at goes on as if nothing had been', async t => {
  const profile = small.with({ boot: guest(counting) });
  const plain = await machineOf(t, profile, software);
  await plain.run();
  const machine = await machineOf(t, profile, software);
  let looks = 0;
  let attached: Debugger;
  attached = machine.attach({
    onStop: () => {
      looks++;
      t.is(attached.memory.read(0, BigInt(origin), 4).length, 4);
      setImmediate(() => attached.resume());
    },
  });
  attached.setBreakpoints([{ kind: 'code', address: BigInt(origin + 9), length: 1 }]);
  t.like(await machine.run(), { kind: 'exit' });
  t.is(looks, 1000);
  t.is(machine.now, plain.now);
});

test('memory is read and written by linear address as far as it is there', async t => {
  const machine = await machineOf(t, small.with({ boot: guest(counting) }), software);
  using attached = machine.attach();
  attached.pause();
  t.is(attached.memory.read(0, 0x1f_fff0n, 64).length, 16);
  t.is(attached.memory.read(0, 0xfee0_0000n, 4).length, 0, 'devices are not read');
  t.is(attached.memory.write(0, 0x8_0000n, Uint8Array.of(1, 2, 3)), 3);
  t.is(machine.memory.read32(0x8_0000), 0x03_02_01);
  t.is(attached.memory.write(0, 0x1f_ffffn, Uint8Array.of(1, 2)), 1);
});

test('code that a debugger has written is executed', async t => {
  const machine = await machineOf(t, small.with({ boot: guest(counting) }), software);
  const stops = new Stops();
  const attached = machine.attach(stops);
  attached.setBreakpoints([{ kind: 'code', address: BigInt(origin + 9), length: 1 }]);
  const running = machine.run();
  await stops.until(1);
  attached.resume();
  await stops.until(2);
  attached.memory.write(0, BigInt(origin + 15), Uint8Array.of(0x90, 0x90));
  attached.setBreakpoints([]);
  attached.resume();
  t.like(await running, { kind: 'exit' });
  t.is(machine.memory.read32(0x80000), 2);
});

test('a machine that stands is saved, restored and reset', async t => {
  const machine = await machineOf(t, small.with({ boot: guest(counting) }), software);
  const stops = new Stops();
  const attached = machine.attach(stops);
  attached.setBreakpoints([{ kind: 'code', address: BigInt(origin + 9), length: 1 }]);
  const running = machine.run();
  await stops.until(1);
  const state = machine.save();
  t.is(state.time, machine.now);
  for (let n = 2; n < 6; n++) {
    attached.resume();
    await stops.until(n);
  }
  t.is(ecx(machine), 5);
  machine.restore(state);
  t.is(ecx(machine), 1);
  attached.setBreakpoints([]);
  machine.reset();
  t.is(rip(machine), origin);
  attached.resume();
  t.like(await running, { kind: 'exit' });
});

test('whoever stops the run, or the debugger’s own mistakes, leave the machine usable', async t => {
  const machine = await machineOf(t, small.with({ boot: guest('again: jmp again') }), software);
  const attached = machine.attach();
  t.throws(() => machine.attach(), { message: /has a debugger already/ });
  t.throws(() => attached.resume(), { message: /does not stand/ });
  attached.pause();
  const running = machine.run();
  t.throws(() => attached.resume({ step: 1 }), { message: /no processor 1/ });
  await new Promise(setImmediate);
  machine.stop();
  t.deepEqual(await running, { kind: 'stopped' });
  t.deepEqual(attached.stopped, { kind: 'paused' }, 'it still stands');
  const again = machine.run({ timeout: 1000 });
  await new Promise(setImmediate);
  attached.resume();
  t.deepEqual(await again, { kind: 'timeout' });
  attached[Symbol.dispose]();
  t.throws(() => attached.pause(), { message: /disposed of/ });
  const careless = machine.attach({
    onStop() {
      throw new Error('careless');
    },
  });
  const failing = machine.run();
  careless.pause();
  await t.throwsAsync(failing, { code: 'bad-observer', message: /a debugger failed in onStop: careless/ });
  t.false(careless.attached);
  t.deepEqual(await machine.run({ timeout: 1000 }), { kind: 'timeout' });
});
