/** 16-bit code with segments that have bases: what only the oldest programs do. Expectations from SDM vol. 1, chapters 3 and 6. */
import test from 'ava';
import { gprOffset, Segment, segmentBase, state } from '../../../../core/processor/state/layout.ts';
import { CodeSize, modeOf } from '../../../../core/processor/state/mode.ts';
import { data, stack } from '../../../support/execute.ts';
import { Supervisor } from '../../../support/supervisor.ts';

const realMode = modeOf(CodeSize.bits16, false, true, false);

/** Registers by number; DS and SS begin at the data and the stack page. */
const prepare = (hex: string, registers: Readonly<Record<number, number>> = {}): Supervisor => {
  const cpu = new Supervisor(hex, {}, realMode);
  for (const [index, value] of Object.entries(registers)) cpu.block.setBig(gprOffset(Number(index)), BigInt(value));
  cpu.block.set(segmentBase(Segment.ds), BigInt(data));
  cpu.block.set(segmentBase(Segment.es), BigInt(data + 0x1000));
  cpu.block.set(segmentBase(Segment.ss), BigInt(stack & ~0xfff));
  return cpu;
};
const at = (cpu: Supervisor, address: number, bytes: number): bigint => cpu.read(BigInt(address), bytes, Segment.ds);
const [ax, cx, bx, sp, bp, si, di] = [0, 1, 3, 4, 5, 6, 7];
const ssBase = stack & ~0xfff;

test('PUSH writes through SS and moves SP alone', t => {
  const cpu = prepare('50', { [ax]: 0xaaaa_1234, [sp]: 0x5555_0800 });
  t.is(cpu.run(), 'done');
  t.is(at(cpu, ssBase + 0x7fe, 2), 0x1234n);
  t.is(cpu.gpr(sp), 0x5555_07fen);
});

test('PUSH of 32 bits on a 16-bit stack', t => {
  const cpu = prepare('66 50', { [ax]: 0xaaaa_1234, [sp]: 0x800 });
  cpu.run();
  t.is(at(cpu, ssBase + 0x7fc, 4), 0xaaaa_1234n);
});

test('POP brings SP back to zero', t => {
  const cpu = prepare('58', { [sp]: 0x1_0ffe });
  cpu.block.set(segmentBase(Segment.ss), BigInt(ssBase));
  t.is(cpu.run(), 'done');
  t.is(cpu.gpr(sp), 0x1_1000n);
  const wraps = prepare('58', { [sp]: 0xffff_fffe });
  wraps.block.set(segmentBase(Segment.ss), BigInt(data - 0xf000));
  wraps.run();
  t.is(wraps.gpr(sp), 0xffff_0000n);
});

test('[BP+SI] lies in SS and wraps at 64 KiB', t => {
  const cpu = prepare('8b 02', { [bp]: 0xfff0, [si]: 0x18 });
  cpu.write(BigInt(ssBase + 8), 2, 0x4321n, Segment.ss);
  cpu.run();
  t.is(cpu.gpr(ax), 0x4321n);
});

test('a bit string reaches backwards within its 64 KiB', t => {
  const cpu = prepare('0f ab 07', { [bx]: 0x10, [ax]: 0xfff0 });
  cpu.run();
  t.is(at(cpu, data + 0x0e, 2), 1n);
});

test('MOVS takes its source from DS, or an override, and its target from ES', t => {
  const cpu = prepare('a4', { [si]: 0x10, [di]: 0x20 });
  cpu.write(BigInt(data + 0x10), 1, 0x77n, Segment.ds);
  cpu.run();
  t.is(at(cpu, data + 0x1020, 1), 0x77n);
  const overridden = prepare('36 a4', { [si]: 0x10, [di]: 0x20 });
  overridden.write(BigInt(ssBase + 0x10), 1, 0x66n, Segment.ss);
  overridden.run();
  t.is(at(overridden, data + 0x1020, 1), 0x66n);
});

test('SI wraps, its upper half stays', t => {
  const cpu = prepare('f3 aa', { [cx]: 0x5_0001, [di]: 0x7_0fff });
  t.is(cpu.run(), 'done');
  t.is(cpu.gpr(di), 0x7_1000n);
  t.is(cpu.gpr(cx), 0x5_0000n);
});

test('a jump stays within 64 KiB', t => {
  const cpu = prepare('eb 10');
  cpu.block.set(state.rip, 0xfff8n);
  t.is(cpu.run(), 'jumped');
  t.is(cpu.rip, 0xan);
});

test('CALL pushes IP alone', t => {
  const cpu = prepare('e8 00 01', { [sp]: 0x800 });
  cpu.block.set(state.rip, 0x2000n);
  cpu.run();
  t.is(cpu.rip, 0x2103n);
  t.is(at(cpu, ssBase + 0x7fe, 2), 0x2003n);
});

test('far jumps hand over selector and offset', t => {
  const cpu = prepare('ea 5b e0 00 f0');
  cpu.run();
  t.deepEqual(cpu.calls, [['farJump', 0xf000n, 0xe05bn, 16n]]);
});

test('LES hands over the register too', t => {
  const cpu = prepare('c4 1e 10 00');
  cpu.write(BigInt(data + 0x10), 4, 0x1234_5678n, Segment.ds);
  cpu.run();
  t.deepEqual(cpu.calls, [['loadFarPointer', BigInt(Segment.es), 0x1234n, BigInt(gprOffset(3)), 0x5678n, 16n]]);
});

test('16-bit LGDT brings 24 bits of base', t => {
  const cpu = prepare('0f 01 16 10 00');
  cpu.write(BigInt(data + 0x12), 4, 0xab12_3456n, Segment.ds);
  cpu.run();
  t.is(cpu.block.get(segmentBase(Segment.gdtr)), 0x12_3456n);
});

test('PUSHF in virtual-8086 mode is the helper\u2019s below IOPL 3', t => {
  const cpu = prepare('9c', { [sp]: 0x800 });
  cpu.block.set(state.flagSystem, 0x2_0202n);
  cpu.run();
  t.deepEqual(cpu.calls, [['pushfVirtual', 16n]]);
});
