/** Observers see what happens, at the guest's time; the guest cannot tell. */
import test from 'ava';
import { accelerators } from '#accelerators';
import { assemble } from '#core';
import {
  type BootSource,
  build,
  microvm,
  type ObservedKind,
  type Observer,
  observedKinds,
  type Profile,
  toyvirt,
  traceObserver,
} from '#machines';
import { guest as linux } from '../../cli/fetch/initrd.ts';

function guest(source: string): BootSource {
  const { bytes } = assemble(32, source, { origin: 0x10_0000 });
  return { kind: 'raw', image: bytes, options: { address: 0x10_0000, mode: 'protected', stack: 0x9_0000 } };
}

const small = microvm.with({ memory: '2 MiB', absent: { 744: 'COM4' } });
const software = { accelerator: 'software' };
const names = accelerators.map(({ name }) => name);

/** A few events of each kind: what a processor can do without an IDT. The string is met element by element. */
const source = `
    mov dx, 0x2e8
    in  al, dx
    mov dx, 0x3f8
    mov al, 65
    out dx, al
    mov dword ptr [0xfee00380], 0x12345678
    mov eax, [0xfee00030]
    mov ecx, 0x6e0
    mov eax, 7
    xor edx, edx
    wrmsr
    rdmsr
    mov dx, 0x2e8
    mov eax, -2
    out dx, ax
    mov dx, 0xf4
    mov al, 1
    out dx, al
    hlt
`;

interface Seen {
  readonly kind: ObservedKind;
  readonly event: Readonly<Record<string, unknown>>;
}

/** Everything, in order. */
function witness(): { readonly seen: Seen[]; readonly observer: Observer } {
  const seen: Seen[] = [];
  const observer = Object.fromEntries(
    observedKinds.map(kind => [kind, (event: object) => void seen.push({ kind, event: { ...event } })]),
  );
  return { seen, observer };
}

for (const accelerator of names)
  test(`${accelerator}: events say what, whose and when`, async t => {
    const { seen, observer } = witness();
    const profile = small.with({ boot: guest(source) });
    await using machine = await build(profile, { accelerator, observers: [observer] });
    t.deepEqual(await machine.run({ timeout: '1 s' }), { kind: 'exit', code: 3 });
    const of = (kind: ObservedKind) => seen.filter(each => each.kind === kind).map(({ event }) => event);
    const processor = 0;
    const device = 'lapic';
    t.deepEqual(of('port'), [
      { time: 1, processor, kind: 'read', port: 0x2e8, size: 1, value: 0xff, absent: 'COM4' },
      { time: 4, processor, kind: 'write', port: 0x3f8, size: 1, value: 65, device: 'com1' },
      { time: 14, processor, kind: 'write', port: 0x2e8, size: 2, value: 0xfffe, absent: 'COM4' },
      { time: 17, processor, kind: 'write', port: 0xf4, size: 1, value: 1, device: 'exit' },
    ]);
    const version = of('mmio')[1].value;
    t.deepEqual(of('mmio'), [
      { time: 5, processor, kind: 'write', address: 0xfee0_0380, size: 4, value: 0x1234_5678n, device },
      { time: 6, processor, kind: 'read', address: 0xfee0_0030, size: 4, value: version, device },
    ]);
    t.deepEqual(of('msr'), [
      { time: 10, processor, kind: 'write', index: 0x6e0, value: 7n, refused: false, device: 'lapic deadline' },
      { time: 11, processor, kind: 'read', index: 0x6e0, value: 0n, refused: false, device: 'lapic deadline' },
    ]);
    t.deepEqual(
      of('console').map(({ kind, bytes }) => [kind, ...(bytes as Uint8Array)]),
      [['out', 65]],
    );
    machine.reset();
    t.like(of('reset').at(-1)!, { kind: 'machine', time: machine.now });
  });

test('interrupts, exits, resets and typed input', async t => {
  const { seen, observer } = witness();
  const profile = small.with({
    processors: 2,
    boot: guest(`
      mov word ptr [0x500], 0x7ff
      mov dword ptr [0x502], 0x1000
      mov eax, handler
      mov [0x1000 + 8 * 0x31], ax
      shr eax, 16
      mov [0x1000 + 8 * 0x31 + 6], ax
      mov ax, cs
      mov [0x1000 + 8 * 0x31 + 2], ax
      mov word ptr [0x1000 + 8 * 0x31 + 4], 0x8e00
      lidt [0x500]
      mov dword ptr [0xfee000f0], 0x1ff
      mov dword ptr [0xfee00310], 0x1000000
      mov dword ptr [0xfee00300], 0x4500
      mov dword ptr [0xfee00300], 0x4612
      mov dword ptr [0xfee00300], 0x44031
      sti
      hlt
    handler:
      mov dx, 0xf4
      mov al, 1
      out dx, al
      hlt`),
  });
  await using machine = await build(profile, { ...software, observers: [observer] });
  machine.serial.type('x');
  t.deepEqual(await machine.run({ timeout: '1 s' }), { kind: 'exit', code: 3 });
  const of = (kind: ObservedKind) =>
    seen.filter(each => each.kind === kind).map(({ event: { time: _, ...rest } }) => rest);
  t.deepEqual(of('reset'), [
    { processor: 1, kind: 'init' },
    { processor: 1, kind: 'startup', vector: 0x12 },
  ]);
  t.deepEqual(of('interrupt'), [{ processor: 0, kind: 'interrupt', vector: 0x31 }]);
  t.deepEqual(of('console'), [{ kind: 'in', bytes: new TextEncoder().encode('x') }]);
  const halting = small.with({ boot: guest('hlt') });
  await using halted = await build(halting, { ...software, observers: [observer] });
  await halted.run();
  t.deepEqual(of('exit').at(-1), { processor: 0, exit: { reason: 'halt' } });
});

/** What it says and when it ends, with all of the events as text. */
async function told(profile: Profile, accelerator: string, kinds: readonly ObservedKind[]) {
  const lines: string[] = [];
  const observers = kinds.length > 0 ? [traceObserver(kinds, line => lines.push(line))] : [];
  await using machine = await build(profile, { accelerator, observers });
  const outcome = await machine.run({ timeout: '20 s' });
  return { outcome, log: machine.serial.text, time: machine.now, lines };
}

test('a trace under the virtual clock is the same on every accelerator, and changes nothing', async t => {
  const { lines: _, ...unseen } = await told(toyvirt, 'software', []);
  const kinds: readonly ObservedKind[] = ['port', 'mmio', 'interrupt', 'console'];
  const traces = [];
  for (const accelerator of names) {
    const { lines, ...seen } = await told(toyvirt, accelerator, kinds);
    t.deepEqual(seen, unseen, accelerator);
    traces.push(lines);
  }
  t.true(traces[0].length > 100, `${traces[0].length}`);
  for (const trace of traces) t.deepEqual(trace, traces[0]);
  const { lines, ...all } = await told(toyvirt, 'software', observedKinds);
  t.deepEqual(all, unseen);
  for (const line of lines) t.is(typeof JSON.parse(line).time, 'number');
});

for (const accelerator of names)
  test(`${accelerator}: Linux boots to the byte and the nanosecond as without observers`, async t => {
    t.timeout(600_000);
    const { kernel, initrd } = await linux({ modules: ['virtio_pci', 'virtio_rng'], script: 'cat /proc/interrupts' });
    const profile = microvm.with({
      boot: { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0 panic=-1' },
    });
    const { lines: _, ...unseen } = await told(profile, accelerator, []);
    const { lines, ...seen } = await told(profile, accelerator, observedKinds);
    t.is(seen.outcome.kind, 'powerOff');
    t.deepEqual(seen, unseen);
    t.true(lines.length > 10_000, `${lines.length}`);
  });

test('an observer that is taken away hears no more, and several may observe', async t => {
  const profile = small.with({ boot: guest('mov dx, 0x3f8\n again: out dx, al\n jmp again') });
  await using machine = await build(profile, software);
  const counts = [0, 0];
  let ended = 0;
  const first = machine.observe({ port: () => counts[0]++, end: () => ended++ });
  machine.observe({ port: () => counts[1]++ });
  await machine.run({ timeout: 1000 });
  t.true(counts[0] > 100);
  t.is(counts[0], counts[1]);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  t.is(ended, 1);
  const [before] = counts;
  await machine.run({ timeout: 1000 });
  t.is(counts[0], before);
  t.true(counts[1] > before!);
});

test('what an observer throws ends the run, takes it away, and leaves the machine as it was', async t => {
  const profile = small.with({ boot: guest(source) });
  await using machine = await build(profile, software);
  machine.observe({
    port: () => {
      throw new Error('oops');
    },
  });
  await t.throwsAsync(machine.run(), { code: 'bad-observer', message: /an observer failed in port: oops/ });
  machine.reset();
  t.deepEqual(await machine.run({ timeout: '1 s' }), { kind: 'exit', code: 3 });
  t.throws(() => machine.observe({}), { code: 'bad-argument', message: /port, mmio, msr/ });
});

test('in real time an event has the moment of its act', async t => {
  const profile = small.with({ clock: 'host', boot: guest(source) });
  const { seen, observer } = witness();
  await using machine = await build(profile, { ...software, observers: [observer] });
  t.deepEqual(await machine.run(), { kind: 'exit', code: 3 });
  const times = seen.map(({ event }) => event.time as number);
  t.deepEqual(
    times,
    [...times].sort((one, other) => one - other),
  );
  t.true(times.every(time => time <= machine.now));
});
