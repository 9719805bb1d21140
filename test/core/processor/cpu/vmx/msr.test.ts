/** MSR areas, bitmaps, capability MSRs, masks and shadows. */
import test from 'ava';
import { Activity } from '../../../../../core/processor/cpu/core.ts';
import { createHost } from '../../../../../core/processor/cpu/host.ts';
import { HostFault } from '../../../../../core/processor/cpu/host-cpu.ts';
import { amd } from '../../../../../core/processor/cpu/models.ts';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import { Guest, Place } from './hypervisor.ts';

const hlt = 12;
const star = 0xc000_0081;
const lstar = 0xc000_0082;
const kernelGs = 0xc000_0102;

function area(guest: Guest, address: number, entries: readonly (readonly [number, bigint, number?])[]): void {
  entries.forEach(([index, value, reserved = 0], n) => {
    guest.write64(address + n * 16, BigInt(index) | (BigInt(reserved) << 32n));
    guest.write64(address + n * 16 + 8, value);
  });
}

test('areas: loaded at entry, stored and loaded at exit, in order', t => {
  const guest = new Guest().program('mov ecx, 0xc0000081\n rdmsr\n mov ebx, eax\n mov eax, 0x77\n wrmsr\n hlt');
  guest.control(Field.primaryControls, 1 << 28);
  area(guest, guest.area, [
    [star, 1n],
    [star, 0x1234n],
    [lstar, 0xffff_8000_0000_0000n],
  ]);
  area(guest, guest.area + 0x100, [
    [star, 0n],
    [kernelGs, 0n],
  ]);
  area(guest, guest.area + 0x200, [[star, 0x99n]]);
  guest.set(Field.entryMsrLoad, guest.area).set(Field.entryMsrLoadCount, 3);
  guest.set(Field.exitMsrStore, guest.area + 0x100).set(Field.exitMsrStoreCount, 2);
  guest.set(Field.exitMsrLoad, guest.area + 0x200).set(Field.exitMsrLoadCount, 1);
  guest.cpu.wrmsr(kernelGs, 0x5678n);
  t.is(guest.run(), hlt);
  t.is(guest.register(3), 0x1234n);
  t.is(guest.read64(guest.area + 0x108), 0x77n);
  t.is(guest.read64(guest.area + 0x118), 0x5678n);
  t.is(guest.cpu.rdmsr(star), 0x99n);
  t.is(guest.cpu.rdmsr(lstar), 0xffff_8000_0000_0000n);
});

for (const [name, bad] of [
  ['FS base', [0xc000_0100, 0n]],
  ['GS base', [0xc000_0101, 0n]],
  ['reserved bits', [star, 0n, 1]],
  ['a value that WRMSR refuses', [lstar, 1n << 63n]],
  ['an MSR that is not there', [0x1234, 0n]],
  ['a read-only MSR', [0x480, 0n]],
] as const)
  test(`a failing load at entry: ${name}`, t => {
    const guest = new Guest().program('hlt').set(Field.guestRflags, 0x246);
    area(guest, guest.area, [[star, 1n], bad, [star, 3n]]);
    area(guest, guest.area + 0x200, [[lstar, 0x42n]]);
    guest.set(Field.entryMsrLoad, guest.area).set(Field.entryMsrLoadCount, 3);
    guest.set(Field.exitMsrLoad, guest.area + 0x200).set(Field.exitMsrLoadCount, 1);
    guest.run();
    t.is(guest.reason, 0x8000_0022);
    t.is(guest.qualification, 2n);
    t.is(guest.cpu.rdmsr(star), 1n);
    t.is(guest.cpu.rdmsr(lstar), 0x42n, 'the host has its own');
    t.is(guest.processor.state.guest, 0);
    t.is(guest.cpu.vmresume(), 2, 'it has not been launched');
  });

test('an area too long to be true fails as an entry does, and does not hang', t => {
  const guest = new Guest().program('hlt');
  for (let n = 0; n < 256; n++) area(guest, guest.area + n * 16, [[star, 0n]]);
  guest.set(Field.entryMsrLoad, guest.area).set(Field.entryMsrLoadCount, 0xffff_ffff);
  t.notThrows(() => guest.enter());
});

for (const [name, field, count, code] of [
  ['store', Field.exitMsrStore, Field.exitMsrStoreCount, 1],
  ['load', Field.exitMsrLoad, Field.exitMsrLoadCount, 4],
] as const)
  test(`VMX abort: a failing ${name} at exit shuts the processor down`, t => {
    const guest = new Guest().program('hlt');
    area(guest, guest.area, [[0x1234, 0n]]);
    guest.set(field, guest.area).set(count, 1);
    guest.enter();
    t.is(guest.processor.activity, Activity.shutdown);
    t.is(Number(guest.read64(guest.vmcs) >> 32n), code);
  });

test('MSR bitmap: each of its four parts, and MSRs outside of it', t => {
  for (const [index, write, byte, bit] of [
    [0x10, false, 2, 1],
    [0x277, true, 0x800 + 0x4e, 0x80],
    [star, false, 0x400 + 0x10, 2],
    [star, true, 0xc00 + 0x10, 2],
  ] as const) {
    const guest = new Guest().program(`mov ecx, ${index}\n rdmsr\n ${write ? 'wrmsr' : 'nop'}\n hlt`);
    guest.control(Field.primaryControls, 1 << 28);
    t.is(guest.run(), hlt);
    guest.write(guest.msrBitmap + byte, [bit]);
    guest.set(Field.guestRip, Place.code);
    t.is(guest.run(), write ? 32 : 31);
    t.is(guest.rip, Place.code + 5 + (write ? 2 : 0));
  }
  const outside = new Guest().program('mov ecx, 0x40000000\n rdmsr\n hlt').control(Field.primaryControls, 1 << 28);
  t.is(outside.run(), 31);
});

test('an unknown MSR that the hypervisor lets through is #GP', t => {
  const guest = new Guest()
    .program('mov ecx, 0x1234\n rdmsr\n hlt')
    .handler(13, 'hlt')
    .control(Field.primaryControls, 1 << 28);
  t.is(guest.run(), hlt);
  t.is(guest.rip, Place.handlers + 13 * 16);
});

test('I/O bitmaps: any byte of the access; around the top always', t => {
  const run = (source: string, ...ports: number[]) => {
    const guest = new Guest().program(`${source}\n hlt`).control(Field.primaryControls, (1 << 25) | (1 << 24));
    for (const port of ports) guest.write(guest.ioBitmaps + (port >> 3), [1 << (port & 7)]);
    return guest.run();
  };
  t.is(run('in al, 0x60'), hlt, 'the bitmaps override unconditional exiting');
  t.is(run('in al, 0x60', 0x60), 30);
  t.is(run('in ax, 0x5f', 0x60), 30);
  t.is(run('in eax, 0x5d', 0x60), 30);
  t.is(run('in eax, 0x5c', 0x60), hlt);
  t.is(run('mov dx, 0x7fff\n in ax, dx', 0x8000), 30);
  t.is(run('mov dx, 0xffff\n out dx, al'), hlt);
  t.is(run('mov dx, 0xffff\n out dx, ax'), 30);
});

test('reads of CR0 and CR4 show the shadow where the mask says so', t => {
  const guest = new Guest().program('mov rax, cr0\n mov rbx, cr4\n smsw ecx\n hlt');
  guest.set(Field.cr0Mask, 0x6000_0008n).set(Field.cr0Shadow, 0x4000_0008n);
  guest.set(Field.cr4Mask, 0x2000n).set(Field.cr4Shadow, 0);
  t.is(guest.run(), hlt);
  t.is(guest.register(0), (guest.get(Field.guestCr0) & ~0x6000_0008n) | 0x4000_0008n);
  t.is(guest.register(3), guest.get(Field.guestCr4) & ~0x2000n);
  t.is(guest.register(1), guest.register(0));
});

test('writes that agree with the shadow leave masked bits as they are', t => {
  const guest = new Guest().program(
    'mov rax, cr0\n or eax, 4\n and eax, ~8\n mov cr0, rax\n clts\n mov rbx, cr0\n hlt',
  );
  guest.set(Field.guestCr0, 0x8001_003b).set(Field.cr0Mask, 8).set(Field.cr0Shadow, 0);
  t.is(guest.run(), hlt);
  t.is(guest.get32(Field.guestCr0), 0x8001_003f, 'TS is set still');
  t.is(guest.register(3), 0x8001_0037n);
});

test('CR3 targets do not exit', t => {
  const guest = new Guest().program('mov rax, cr3\n mov cr3, rax\n mov ebx, 0x5000\n mov cr3, rbx\n hlt');
  guest.control(Field.primaryControls, 1 << 15);
  guest.set(Field.cr3TargetCount, 2).set(Field.cr3Target0, 0x3000).set(Field.cr3Target1, Place.tables);
  t.is(guest.run(), 28);
  t.is(guest.rip, Place.code + 11, 'the first one has passed');
});

test('fixed bits bind the guest too: #GP', t => {
  for (const source of [
    'mov rax, cr0\n and eax, ~0x20\n mov cr0, rax',
    'mov rax, cr4\n and eax, ~0x2000\n mov cr4, rax',
  ]) {
    const guest = new Guest().program(`${source}\n hlt`).handler(13, 'mov ebx, 1\n hlt');
    t.is(guest.run(), hlt);
    t.is(guest.register(3), 1n);
  }
});

test('RDTSCP and INVPCID are #UD unless enabled', t => {
  for (const source of ['rdtscp', 'xor eax, eax\n invpcid rax, [0xc000]']) {
    const guest = new Guest()
      .program(`${source}\n hlt`)
      .handler(6, 'mov ebx, 1\n hlt')
      .secondary((1 << 3) | (1 << 12), false);
    t.is(guest.run(), hlt);
    t.is(guest.register(3), 1n);
  }
});

test('capability MSRs', t => {
  const { cpu } = new Guest();
  const basic = cpu.rdmsr(0x480);
  t.is(basic & (1n << 31n), 0n);
  t.is((basic >> 32n) & 0x1fffn, 0x1000n);
  t.is((basic >> 50n) & 0xfn, 6n);
  t.is((basic >> 54n) & 3n, 3n);
  // The older MSRs say what they have said since the first processors with VMX.
  t.is(cpu.rdmsr(0x481) & 0xffff_ffffn, 0x16n);
  t.is(cpu.rdmsr(0x482) & 0xffff_ffffn, 0x0401_e172n);
  t.is(cpu.rdmsr(0x483) & 0xffff_ffffn, 0x0003_6dffn);
  t.is(cpu.rdmsr(0x484) & 0xffff_ffffn, 0x11ffn);
  for (const index of [0x481, 0x482, 0x483, 0x484, 0x48b, 0x48d, 0x48e, 0x48f, 0x490]) {
    const value = cpu.rdmsr(index);
    t.is(value & 0xffff_ffffn & ~(value >> 32n), 0n, 'what must be set may be');
  }
  t.is(cpu.rdmsr(0x486), 0x8000_0021n);
  t.is(cpu.rdmsr(0x488), 0x2000n);
  t.is(cpu.rdmsr(0x48a), 0x2en);
  const secondary = cpu.rdmsr(0x48b) >> 32n;
  t.is(secondary & (1n << 11n), 0n, 'no RDRAND, no control over it');
  for (const index of [0x480, 0x48c, 0x490]) t.throws(() => cpu.wrmsr(index, 0n), { instanceOf: HostFault });
  t.throws(() => cpu.rdmsr(0x491), { instanceOf: HostFault });
  t.throws(() => cpu.wrmsr(0x3a, 0n), { instanceOf: HostFault }, 'locked');
  const other = createHost({ model: amd({ virtualization: true }), memory: 1 << 20, codeArena: 1 << 20 }).cpus[0];
  t.throws(() => other.rdmsr(0x480), { instanceOf: HostFault });
});
