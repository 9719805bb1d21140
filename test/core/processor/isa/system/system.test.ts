/** System instructions at CPL 0: what they read, write and ask of helpers. Expectations are from SDM vol. 2 and APM vol. 3. */
import test from 'ava';
import { intercepts } from '../../../../../core/processor/isa/intercepts.ts';
import {
  gprOffset,
  Segment,
  segmentBase,
  segmentLimit,
  segmentSelector,
  state,
} from '../../../../../core/processor/state/layout.ts';
import { codeBase } from '../../../../oracle/machine.ts';
import { data } from '../../../../support/execute.ts';
import { Supervisor } from '../../../../support/supervisor.ts';

test('SWAPGS exchanges two bases', t => {
  const cpu = new Supervisor('0f 01 f8');
  const base = segmentBase(Segment.gs);
  cpu.block.set(base, 1n);
  cpu.block.set(state.kernelGsBase, 2n);
  t.is(cpu.run(), 'done');
  t.deepEqual([cpu.block.get(base), cpu.block.get(state.kernelGsBase)], [2n, 1n]);
});

test('SWAPGS is privileged', t => {
  const cpu = new Supervisor('0f 01 f8');
  cpu.block.set(state.cpl, 3n);
  t.deepEqual(cpu.run(), { fault: { vector: 13, error: 0 } });
});

test('LGDT takes ten bytes, and what SGDT stores comes back', t => {
  const cpu = new Supervisor('0f 01 17');
  cpu.block.setBig(gprOffset(7), BigInt(data));
  cpu.write(BigInt(data), 2, 0x1234n, 3);
  cpu.write(BigInt(data + 2), 8, 0xffff_8000_0000_1000n, 3);
  t.is(cpu.run(), 'done');
  t.is(cpu.block.get(segmentLimit(Segment.gdtr)), 0x1234n);
  t.is(cpu.block.get(segmentBase(Segment.gdtr)), 0xffff_8000_0000_1000n);
});

test('LGDT refuses a base that is not canonical', t => {
  const cpu = new Supervisor('0f 01 17');
  cpu.block.setBig(gprOffset(7), BigInt(data));
  cpu.write(BigInt(data + 2), 8, 1n << 60n, 3);
  t.deepEqual(cpu.run(), { fault: { vector: 13, error: 0 } });
  t.is(cpu.block.get(segmentBase(Segment.gdtr)), 0n);
});

test('SGDT under UMIP', t => {
  const cpu = new Supervisor('0f 01 07');
  cpu.block.set(state.cpl, 3n);
  cpu.block.set(state.cr4, 1n << 11n);
  t.deepEqual(cpu.run(), { fault: { vector: 13, error: 0 } });
});

test('MOV to CR3 names both registers', t => {
  const cpu = new Supervisor('0f 22 de', { writeControl: { status: 2 } });
  cpu.block.setBig(gprOffset(6), 0x1000n);
  t.is(cpu.run(), 'transferred');
  t.deepEqual(cpu.calls, [['writeControl', 3n, 6n, 0x1000n]]);
});

test('MOV from CR8', t => {
  const cpu = new Supervisor('44 0f 20 c0', { readControl: { results: [5n] } });
  cpu.run();
  t.deepEqual(cpu.calls, [['readControl', 8n, 0n]]);
  t.is(cpu.gpr(0), 5n);
});

test('a guest asks its hypervisor before HLT', t => {
  const cpu = new Supervisor('f4', { intercept: { status: 4 } });
  cpu.block.set(state.guest, 1n);
  t.is(cpu.run(), 'exit');
  t.deepEqual(cpu.calls, [['intercept', BigInt(intercepts.hlt)]]);
  t.is(cpu.rip, BigInt(codeBase));
});

test('CLI needs no helper at CPL 0', t => {
  const cpu = new Supervisor('fa');
  cpu.run();
  t.deepEqual(cpu.calls, []);
  t.is(cpu.rflags & 0x200, 0);
});

test('STI needs none where IF is set', t => {
  const cpu = new Supervisor('fb');
  cpu.run();
  t.deepEqual(cpu.calls, []);
});

test('STI after CLI leaves', t => {
  const cpu = new Supervisor('fb', { sti: { status: 3 } });
  cpu.block.set(state.flagSystem, 0n);
  t.is(cpu.run(), 'left');
});

test('WRFSBASE', t => {
  const cpu = new Supervisor('f3 48 0f ae d0');
  cpu.block.set(state.cr4, 1n << 16n);
  cpu.block.setBig(gprOffset(0), 0x7fff_ffff_ffffn);
  cpu.run();
  t.is(cpu.block.get(segmentBase(Segment.fs)), 0x7fff_ffff_ffffn);
  cpu.block.set(state.cr4, 0n);
  t.deepEqual(cpu.run(), { fault: { vector: 6, error: -1 } });
});

test('LAR of a bad selector changes ZF alone', t => {
  const cpu = new Supervisor('0f 02 c3', { lar: { results: [0xcf9300n, 0n] } });
  cpu.block.setBig(gprOffset(0), 0x1_0000_0001n);
  cpu.run();
  t.is(cpu.gpr(0), 0x1_0000_0001n);
  t.is(cpu.rflags & 0x40, 0);
});

test('STR gives the selector', t => {
  const cpu = new Supervisor('0f 00 c8');
  cpu.block.set(segmentSelector(Segment.tr), 0x40n);
  cpu.run();
  t.is(cpu.gpr(0), 0x40n);
});

test('INVLPG passes segment and offset', t => {
  const cpu = new Supervisor('65 0f 01 7b 10', { invlpg: { status: 2 } });
  cpu.block.setBig(gprOffset(3), 0x2000n);
  cpu.run();
  t.deepEqual(cpu.calls, [['invlpg', BigInt(Segment.gs), 0x2010n]]);
});

test('REP INS runs again while the count lasts', t => {
  const cpu = new Supervisor('f3 6c');
  cpu.block.setBig(gprOffset(1), 2n);
  t.is(cpu.run(), 'again');
  t.deepEqual(cpu.calls, [['portInString', 8n, 64n, 1n]]);
});

test('OUT tells an immediate port', t => {
  const cpu = new Supervisor('e6 80');
  cpu.block.setBig(gprOffset(0), 0x177n);
  cpu.run();
  t.deepEqual(cpu.calls, [['portOut', 0x80n, 8n, 0x77n, 1n]]);
});

test('POPF that changes IF is the helper\u2019s', t => {
  const cpu = new Supervisor('9d');
  cpu.block.setBig(gprOffset(4), BigInt(data));
  cpu.run();
  t.deepEqual(cpu.calls, [['popf', 0n, 64n, 64n]]);
});

test('VMREAD that fails writes flags alone', t => {
  const cpu = new Supervisor('0f 78 c3', { vmread: { results: [7n, 0x40n] } });
  cpu.block.setBig(gprOffset(3), 1n);
  t.is(cpu.run(), 'done');
  t.is(cpu.gpr(3), 1n);
  t.is(cpu.rflags & 0x8d5, 0x40);
});

test('XGETBV', t => {
  const cpu = new Supervisor('0f 01 d0', { xgetbv: { results: [0x1_0000_0003n] } });
  cpu.block.set(state.cr4, 1n << 18n);
  cpu.block.setBig(gprOffset(1), 0x5_0000_0001n);
  cpu.run();
  t.deepEqual(cpu.calls, [['xgetbv', 1n]]);
  t.deepEqual([cpu.gpr(0), cpu.gpr(2)], [3n, 1n]);
});

test('LDMXCSR refuses reserved bits', t => {
  const cpu = new Supervisor('0f ae 17');
  cpu.block.setBig(gprOffset(7), BigInt(data));
  cpu.write(BigInt(data), 4, 0x1_1f80n, 3);
  t.deepEqual(cpu.run(), { fault: { vector: 13, error: 0 } });
});
