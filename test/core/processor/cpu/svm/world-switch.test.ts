import test from 'ava';
import type { Svm } from '../../../../../core/processor/cpu/svm/svm.ts';
import { Control, Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { state as layout, Segment } from '../../../../../core/processor/state/layout.ts';
import { Guest, Place } from './hypervisor.ts';

const hlt = 0x78;

test("the guest's state comes back as it was", t => {
  const guest = new Guest().program('hlt');
  const unchanged: readonly (readonly [number, bigint])[] = [
    [Save.rax, 0x1122_3344_5566_7788n],
    [Save.rsp, 0xaabb_ccdd_0000_1111n],
    [Save.cr2, 0x1234_5678_9abc_def0n],
    [Save.rflags, 0x3_0ad7n & ~0x2_0000n],
    [Save.dr6, 0xffff_0ff5n],
    [Save.dr7, 0x400n],
    [Save.cr0, 0x8001_003bn],
    [Save.cr3, 0x1000n],
    [Save.star, 0x23_0010_dead_beefn],
    [Save.lstar, 0xffff_8000_1234_5678n],
    [Save.cstar, 0x1000_2000n],
    [Save.sfmask, 0x4700n],
    [Save.kernelGsBase, 0xffff_8880_0000_0000n],
    [Save.sysenterCs, 0x10n],
    [Save.sysenterEsp, 0x7000n],
    [Save.sysenterEip, 0x8000n],
    [Save.fs, 0xffff_ffff_0c93_0010n],
    [Save.fs + 8, 0xffff_9000_0000_0000n],
    [Save.gs + 8, 0x7fff_0000_1000n],
    [Save.tr, 0x67_008b_0028n],
    [Save.tr + 8, BigInt(Place.tss)],
    [Save.ldtr, 0x3f_0082_0030n],
    [Save.ldtr + 8, 0x1234n],
    [Save.pat, 0x0001_0406_0007_0506n],
  ];
  for (const [field, value] of unchanged) guest.set(field, value);
  t.is(guest.run(), hlt);
  // RF is cleared where an instruction was executed or tried.
  for (const [field, value] of unchanged)
    t.is(
      guest.get(field) & ~(field === Save.rflags ? 0x1_0000n : 0n),
      value & ~(field === Save.rflags ? 0x1_0000n : 0n),
      field.toString(16),
    );
});

test('bases are canonicalised', t => {
  const guest = new Guest().program('hlt');
  guest.set(Save.fs + 8, 0x1234_8000_0000_0000n);
  guest.set(Save.gdtr + 8, 0x0000_9000_0000_0000n);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.fs + 8), 0xffff_8000_0000_0000n);
  t.is(guest.get(Save.gdtr + 8), 0xffff_9000_0000_0000n);
});

test('the host comes back, whatever the guest was', t => {
  for (const bits of [16, 32, 64] as const) {
    const guest = new Guest(bits).program('hlt');
    const { cpu, processor } = guest;
    const { state } = processor;
    cpu.stgi();
    const kept = () => [
      ...[0, 3, 4].map(register => cpu.readControl(register as 0)),
      cpu.rdmsr(0xc000_0080),
      cpu.rdmsr(0x277),
      state.flags,
      state.cpl,
      state.mode,
      state.context & 3,
      ...[Segment.es, Segment.cs, Segment.ss, Segment.ds].flatMap(n => [
        state.selector(n),
        state.attributes(n),
        state.limit(n),
      ]),
    ];
    const before = kept();
    guest.set(Save.pat, 0x0101_0101_0101_0101n);
    t.is(guest.run(), hlt);
    t.deepEqual(kept(), before);
    t.is(state.low(layout.dr7.offset), 0x400);
    t.is(state.guest, 0);
  }
});

test('the time-stamp counter has its offset in the guest alone', t => {
  const guest = new Guest().program('rdtsc\nshl rdx, 32\nor rax, rdx\nhlt');
  for (const offset of [0x1234_5678_9abc_def0n, -5_000_000_000n, 0xffff_ffffn]) {
    guest.set(Save.rip, Place.code);
    guest.set(Control.tscOffset, offset);
    const before = BigInt(guest.cpu.readTimestampCounter());
    t.is(guest.run(), hlt);
    const after = BigInt(guest.cpu.readTimestampCounter());
    const seen = BigInt.asUintN(64, guest.get(Save.rax) - offset);
    t.true(before <= seen && seen <= after && after - before < 100n);
  }
});

test('CR8 is V_TPR with V_INTR_MASKING', t => {
  const guest = new Guest().program('mov rax, cr8\nmov ebx, 9\nmov cr8, rbx\nhlt');
  guest.cpu.writeControl(8, 3n);
  guest.set32(Control.virtualInterrupt, (1 << 24) | 7);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax), 7n);
  t.is(guest.get(Control.virtualInterrupt) & 0xffn, 9n);
  t.is(guest.cpu.readControl(8), 3n);
});

test("and the processor's own without", t => {
  const guest = new Guest().program('mov rax, cr8\nmov ebx, 9\nmov cr8, rbx\nhlt');
  guest.cpu.writeControl(8, 3n);
  guest.set32(Control.virtualInterrupt, 7);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax), 3n);
  t.is(guest.get(Control.virtualInterrupt) & 0xffn, 9n);
  t.is(guest.cpu.readControl(8), 9n);
});

test('CPL has a byte of its own', t => {
  const guest = new Guest().intercept(0x4d).program('hlt');
  guest.set8(Save.cpl, 3);
  t.is(guest.run(), 0x4d);
  t.is(guest.byte(guest.vmcb + Save.cpl), 3);
  const real = new Guest(16).program('hlt');
  real.set8(Save.cpl, 3);
  t.is(real.run(), hlt);
  t.is(real.byte(real.vmcb + Save.cpl), 0);
});

test('EFER.LMA follows LME and PG', t => {
  const guest = new Guest().program('hlt');
  guest.set(Save.efer, 0x1901);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.efer), 0x1d01n);
  guest.set(Save.cr0, 0x33);
  guest.segment(Save.cs, 8, 0xc9b, 0xffff_ffff, 0);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.efer), 0x1901n);
});

test('a write to VMCB fields meanwhile does not reach the running guest', t => {
  // The guest sees its own VMCB here, and takes the HLT intercept away.
  const guest = new Guest();
  guest.write64(guest.entry(0xe000), BigInt(guest.vmcb) | 7n);
  guest.program('mov dword ptr [0xe00c], 0\nhlt');
  t.is(guest.run(), hlt);
});

test('a host without a save area shuts down', t => {
  const guest = new Guest().program('hlt');
  guest.cpu.wrmsr(0xc001_0117, 0x10_0000_0000n);
  guest.cpu.vmrun(guest.vmcb);
  t.is(guest.processor.state.guest, 0);
  t.is(guest.processor.run(10).reason, 'shutdown');
});

test('power-on in the midst of a guest: nothing of it is left, and VM_CR is open again', t => {
  const guest = new Guest().program('again: jmp again');
  const { cpu, host, processor } = guest;
  cpu.wrmsr(0xc001_0114, 8n);
  const svm = processor.virtualization as Svm;
  cpu.readControl(0);
  svm.enter(guest.vmcb, 0);
  svm.switchWorld();
  t.not(processor.state.guest, 0);
  processor.powerOn();
  t.is(processor.state.guest, 0);
  t.is(processor.mmu.paging.nested, undefined);
  t.is(processor.mmu.space, 0);
  // Real mode at the reset vector, over the machine's own memory.
  host.memory.bytes.set([0xb8, 0x34, 0x12, 0xf4], host.memory.offset(guest.at(0)));
  const { state } = processor;
  state.setSegment(1, 0, 0x9b, 0xffff, guest.at(0), 0);
  state.setRip(0, 0);
  processor.derive();
  t.is(processor.run(10).reason, 'halt');
  t.is(state.gprLow(0) & 0xffff, 0x1234);
  t.true(svm.readMsr(0xc001_0114 | 0));
  t.is(processor.low, 0);
});

test('a shutdown that is not intercepted shuts the processor down', t => {
  const guest = new Guest().intercept(0x7f, false).program('ud2');
  guest.segment(Save.idtr, 0, 0, 0, Place.idt);
  t.throws(() => guest.run(), { message: /shut down/ });
});

test("the host's single-step trap comes after the exit", t => {
  const guest = new Guest().program('nop\nhlt');
  guest.processor.pendingDebug = 0x4000;
  guest.cpu.vmrun(guest.vmcb);
  t.is(Number(guest.exitCode), hlt);
  t.is(guest.processor.pendingDebug, 0x4000);
  guest.processor.pendingDebug = 0;
});
