/** TLBs and contexts as generated code sees them: what is a hit, what must be a miss, and what flushes what. */
import test from 'ava';
import { PhysicalMemory } from '../../../../core/processor/memory/physical-memory.ts';
import { Mmu } from '../../../../core/processor/mmu/mmu.ts';
import { state as layout, Segment, tlb } from '../../../../core/processor/state/layout.ts';
import { Access, Leave } from '../../../../core/processor/state/leave.ts';
import { mode64 } from '../../../../core/processor/state/mode.ts';
import { Cr0, Cr4, Efer, Flag } from '../../../../core/processor/state/registers.ts';
import { StateBlock } from '../../../../core/processor/state/state-block.ts';

const block = 0x10000;
const ram = 0x20000;
const root = 0x1000;

function machine(cr4 = 0) {
  const buffer = new ArrayBuffer(0x40_0000);
  const physical = new PhysicalMemory(buffer);
  physical.map({ base: 0, size: 0x20_0000, offset: ram, writable: true });
  physical.map({ base: 0xf000_0000, size: 0x1000, offset: ram + 0x20_0000, writable: false });
  const state = new StateBlock(buffer, block);
  const mmu = new Mmu(state, physical, { physicalBits: 40, hugePages: true });
  const view = new DataView(buffer, ram);
  const entry = (at: number, low: number, high = 0) => {
    view.setInt32(at, low, true);
    view.setInt32(at + 4, high, true);
  };
  // Linear 0 … 2 MiB by 4 KiB pages from table 0x4000, 2 … 4 MiB one large page, 4 MiB … : page 0 is the ROM.
  entry(root, 0x2007);
  entry(0x2000, 0x3007);
  entry(0x3000, 0x4007);
  entry(0x3008, 0x87);
  entry(0x3010, 0x5007);
  for (let page = 0; page < 512; page++) entry(0x4000 + page * 8, (page << 12) | 7);
  entry(0x5000, 0xf000_0007 | 0);
  entry(0x5008, 0xe000_0007 | 0);
  state.cr0 = Cr0.pe | Cr0.pg | Cr0.wp;
  state.cr4 = Cr4.pae | cr4;
  state.efer = Efer.lme | Efer.lma | Efer.nxe;
  state.mode = mode64;
  state.set64(layout.cr3.offset, root, 0);
  mmu.refresh();
  const hit = (table: number, low: number) => mmu.tlb.lookup(table, low, 0, state.context) !== 0;
  return { physical, state, mmu, entry, view, hit };
}

test('a read fills the read TLB only; a write needs its own walk', t => {
  const { mmu, hit } = machine();
  t.is(mmu.translateRead(0x8010, 0, 4), ram + 0x8010);
  t.true(hit(tlb.read, 0x8ff0));
  t.false(hit(tlb.write, 0x8010));
  t.is(mmu.translateWrite(0x8010, 0, 4), ram + 0x8010);
  t.true(hit(tlb.write, 0x8010));
});

test('pages with code are written by the slow path alone', t => {
  const { mmu, physical, state, hit } = machine();
  mmu.translateWrite(0x8000, 0, 4);
  physical.markCode(ram + 0x8000);
  t.false(hit(tlb.write, 0x8000));
  t.is(mmu.translateWrite(0x8000, 0, 4), 0);
  t.is(state.leave, Leave.codeWrite);
  t.is(state.low(layout.leaveAddress.offset), ram + 0x8000);
  const forgotten: number[] = [];
  physical.invalidateCode = page => forgotten.push(page);
  physical.written(ram + 0x8000, 0x1000);
  t.deepEqual(forgotten, [ram + 0x8000]);
  t.is(mmu.translateWrite(0x8000, 0, 4), ram + 0x8000);
});

test('MMIO and ROM', t => {
  const { mmu, state } = machine();
  t.is(mmu.translateRead(0x40_1234, 0, 4), 0);
  t.is(state.leave, Leave.mmio);
  t.is(state.low(layout.leaveAddress.offset) >>> 0, 0xe000_0234);
  t.is(mmu.translateRead(0x40_0010, 0, 4), ram + 0x20_0010);
  t.is(mmu.translateWrite(0x40_0010, 0, 4), 0);
  t.is(state.leave, Leave.mmio);
  t.is(state.get32(layout.leaveAccess.offset) & Access.write, Access.write);
});

test('accesses across pages go through the bounce buffer', t => {
  const { mmu, state, view, entry } = machine();
  view.setUint32(0x8ffc, 0x4433_2211, true);
  view.setUint32(0x9000, 0x8877_6655, true);
  t.is(mmu.translateRead(0x8ffe, 0, 4), block + layout.bounce.offset);
  t.is(state.get32(layout.bounce.offset) >>> 0, 0x6655_4433);
  t.is(mmu.translateWrite(0x8ffe, 0, 4), block + layout.bounce.offset);
  state.set32(layout.bounce.offset, 0x0403_0201);
  mmu.commitBounce();
  t.is(view.getUint32(0x8ffc, true), 0x0201_2211);
  t.is(view.getUint32(0x9000, true), 0x8877_0403);
  entry(0x4000 + 9 * 8, 0x9005);
  mmu.invalidatePage(0x9000, 0);
  t.is(mmu.translateWrite(0x8ffe, 0, 4), 0);
  t.is(state.faultVector, 14);
  t.is(state.low(layout.faultAddress.offset), 0x9000, 'the second page is at fault');
});

test('non-canonical addresses: #GP, or #SS by way of the stack', t => {
  const { mmu, state } = machine();
  t.is(mmu.translateRead(0, 0x8000, 8), 0);
  t.deepEqual([state.leave, state.faultVector, state.faultError], [Leave.fault, 13, 0]);
  t.is(mmu.translateRead(0, 0xffff_7fff | 0, 8 | 0x100), 0);
  t.is(state.faultVector, 12);
  t.is(mmu.translateRead(0xffff_fffc | 0, 0x7fff, 8), 0);
  t.is(state.faultVector, 13, 'the last byte counts too');
});

test('privilege has contexts of its own', t => {
  const { mmu, state, entry, hit } = machine();
  entry(0x4000 + 8 * 8, 0x8003);
  mmu.translateRead(0x8000, 0, 1);
  t.true(hit(tlb.read, 0x8000));
  state.cpl = 3;
  mmu.refreshPrivilege();
  t.false(hit(tlb.read, 0x8000));
  t.is(mmu.translateRead(0x8000, 0, 1), 0);
  t.deepEqual([state.faultVector, state.faultError], [14, 5]);
  state.cpl = 0;
  mmu.refreshPrivilege();
  t.true(hit(tlb.read, 0x8000));
});

test('SMAP: STAC opens a context where user pages can be read', t => {
  const { mmu, state, hit } = machine(Cr4.smap);
  t.is(mmu.translateRead(0x8000, 0, 1), 0);
  state.systemFlags |= Flag.ac;
  mmu.refreshPrivilege();
  t.not(mmu.translateRead(0x8000, 0, 1), 0);
  t.true(hit(tlb.read, 0x8000));
  state.systemFlags &= ~Flag.ac;
  mmu.refreshPrivilege();
  t.false(hit(tlb.read, 0x8000));
});

test('alignment checks see every access', t => {
  const { mmu, state, hit } = machine();
  state.cpl = 3;
  state.cr0 |= Cr0.am;
  state.systemFlags |= Flag.ac;
  mmu.refresh();
  t.not(mmu.translateRead(0x8000, 0, 4), 0);
  t.false(hit(tlb.read, 0x8000));
  t.is(mmu.translateRead(0x8002, 0, 4), 0);
  t.deepEqual([state.faultVector, state.faultError], [17, 0]);
});

test('INVLPG drops every entry of a large page', t => {
  const { mmu, hit } = machine();
  mmu.translateRead(0x20_8000, 0, 1);
  mmu.translateRead(0x30_0000, 0, 1);
  mmu.translateRead(0x8000, 0, 1);
  t.true(hit(tlb.read, 0x20_8000) || hit(tlb.read, 0x8000));
  mmu.translateRead(0x20_9000, 0, 1);
  mmu.invalidatePage(0x21_0000, 0);
  t.false(hit(tlb.read, 0x20_9000));
  t.false(hit(tlb.read, 0x30_0000));
});

test('MOV CR3 flushes an address space; with PCIDs and bit 63 it does not', t => {
  const { mmu, state, hit } = machine();
  mmu.translateRead(0x8000, 0, 1);
  mmu.rootLoaded(false);
  t.false(hit(tlb.read, 0x8000));
  state.cr4 |= Cr4.pcide;
  mmu.refresh();
  state.set64(layout.cr3.offset, root | 5, 0);
  mmu.rootLoaded(false);
  mmu.translateRead(0x8000, 0, 1);
  state.set64(layout.cr3.offset, root | 6, 0);
  mmu.rootLoaded(false);
  t.false(hit(tlb.read, 0x8000));
  state.set64(layout.cr3.offset, root | 5, 0);
  mmu.rootLoaded(true);
  t.true(hit(tlb.read, 0x8000));
  mmu.flushProcessContext(6);
  t.true(hit(tlb.read, 0x8000));
  mmu.flushProcessContext(5);
  t.false(hit(tlb.read, 0x8000));
});

test('thousands of address spaces never alias', t => {
  const { mmu, state, entry } = machine();
  entry(0x6000, 0x2007);
  entry(0x7000, 0x2007);
  for (let n = 0; n < 3000; n++) {
    state.set64(layout.cr3.offset, n % 2 ? 0x6000 : 0x7000, 0);
    mmu.rootLoaded(false);
    if (mmu.tlb.lookup(tlb.read, 0x8000, 0, state.context) !== 0) t.fail(`stale after ${n}`);
    mmu.translateRead(0x8000, 0, 1);
  }
  t.pass();
});

test('spaces (ASID, VPID) are flushed one by one', t => {
  const { mmu, hit } = machine();
  mmu.space = 1;
  mmu.refresh();
  mmu.translateRead(0x8000, 0, 1);
  mmu.space = 2;
  mmu.refresh();
  t.false(hit(tlb.read, 0x8000));
  mmu.flushSpace(2);
  mmu.space = 1;
  mmu.refresh();
  t.true(hit(tlb.read, 0x8000));
  mmu.flushSpace(1);
  t.false(hit(tlb.read, 0x8000));
});

test('watched pages stay out of the TLB; a hit asks to be stepped', t => {
  const { mmu, state, hit } = machine();
  state.set64(layout.dr0.offset, 0x8010, 0);
  state.set64(layout.dr7.offset, 0x000d_0001, 0);
  mmu.refreshWatchpoints();
  t.not(mmu.translateWrite(0x8020, 0, 4), 0);
  t.false(hit(tlb.write, 0x8020));
  t.is(mmu.translateWrite(0x8010, 0, 4), 0);
  t.is(state.leave, Leave.step);
  mmu.stepping = true;
  t.not(mmu.translateWrite(0x800e, 0, 4), 0);
  t.is(mmu.watchpoints.hits, 1);
  mmu.watchpoints.hits = 0;
  t.not(mmu.translateRead(0x8010, 0, 4), 0);
  t.is(mmu.watchpoints.hits, 0, 'type 1 watches writes');
});

test('segments: limits, expand-down, types, null', t => {
  const { mmu, state } = machine();
  state.mode = 1;
  const check = (attributes: number, limit: number, offset: number, bytes: number, access: number, selector = 8) => {
    state.setSegment(Segment.ds, selector, attributes, limit, 0x1000, 0);
    return mmu.linear(Segment.ds, offset, 0, bytes | (access << 8)) === 0 ? state.low(layout.result0.offset) : -1;
  };
  t.is(check(0x93, 0xfff, 0xffc, 4, 1), 0x1ffc);
  t.is(check(0x93, 0xfff, 0xffd, 4, 1), -1);
  t.is(state.faultVector, 13);
  t.is(check(0x97, 0xfff, 0xfff, 1, 1), -1, 'expand-down: up to the limit is out');
  t.is(check(0x97, 0xfff, 0x1000, 4, 2), 0x2000);
  t.is(check(0x97, 0xfff, 0xfffe, 4, 2), -1, '64 KiB without B');
  t.is(check(0x497, 0xfff, 0xfffe, 4, 2), 0x10ffe);
  t.is(check(0x91, 0xfff, 0, 1, 2), -1, 'read-only');
  t.is(check(0x99, 0xfff, 0, 1, 1), -1, 'execute-only');
  t.is(check(0x9b, 0xfff, 0, 1, 2), -1, 'code');
  t.is(check(0, 0xfff, 0, 1, 1, 0), -1, 'null');
  state.setSegment(Segment.ss, 8, 0x93, 0xf, 0, 0);
  t.not(mmu.linear(Segment.ss, 0x10, 0, 1 | 0x100), 0);
  t.is(state.faultVector, 12);
});
