/** The second dimension: NPT and EPT permissions, faults and accessed bits, alone and under guest page tables. */
import test from 'ava';
import { PhysicalMemory } from '../../../../core/processor/memory/physical-memory.ts';
import { Mmu } from '../../../../core/processor/mmu/mmu.ts';
import { eptFormat, type NestedFormat, nptFormat } from '../../../../core/processor/mmu/nested-formats.ts';
import { NestedFaultKind, NestedWalk } from '../../../../core/processor/mmu/nested-paging.ts';
import { state as layout } from '../../../../core/processor/state/layout.ts';
import { Access, Leave } from '../../../../core/processor/state/leave.ts';
import { mode64 } from '../../../../core/processor/state/mode.ts';
import { Cr0, Cr4, Efer } from '../../../../core/processor/state/registers.ts';
import { StateBlock } from '../../../../core/processor/state/state-block.ts';

const ram = 0x20000;
const root = 0x10_0000;
const npt = nptFormat({ noExecute: true, physicalBits: 40, hugePages: true });
const ept = (accessedDirty = true) =>
  eptFormat({ accessedDirty, physicalBits: 40, executeOnly: false, hugePages: true });

/** Guest-physical page n is physical page n + 0x40, for n below 64. */
function machine(format: NestedFormat, rights: number) {
  const buffer = new ArrayBuffer(0x40_0000);
  const physical = new PhysicalMemory(buffer);
  physical.map({ base: 0, size: 0x20_0000, offset: ram, writable: true });
  const state = new StateBlock(buffer, 0x10000);
  const mmu = new Mmu(state, physical, { physicalBits: 40, hugePages: true });
  const view = new DataView(buffer, ram);
  const entry = (at: number, low: number, high = 0) => {
    view.setInt32(at, low, true);
    view.setInt32(at + 4, high, true);
  };
  entry(root, (root + 0x1000) | 7);
  entry(root + 0x1000, (root + 0x2000) | 7);
  entry(root + 0x2000, (root + 0x3000) | 7);
  const leaf = (page: number) => root + 0x3000 + page * 8;
  for (let page = 0; page < 64; page++) entry(leaf(page), ((page + 0x40) << 12) | rights);
  const walk = new NestedWalk(physical, format, root, 0);
  return { state, mmu, view, entry, leaf, walk, physical };
}

test('NPT: every access is a user access, faults carry what they need', t => {
  const { walk, entry, leaf, view } = machine(npt, 7);
  t.true(walk.translate(0x5123, 0, Access.read, false));
  t.deepEqual([walk.low, walk.high, walk.shift], [0x45000, 0, 12]);
  t.is(view.getUint32(leaf(5), true) & 0x60, 0x20);
  t.true(walk.translate(0x5123, 0, Access.write, false));
  t.is(view.getUint32(leaf(5), true) & 0x60, 0x60);
  entry(leaf(6), 0x46003);
  t.false(walk.translate(0x6000, 0, Access.read, false), 'a supervisor page');
  t.is(walk.faultKind, NestedFaultKind.permission);
  entry(leaf(7), 0x47005);
  t.true(walk.translate(0x7000, 0, Access.read, false));
  t.false(walk.translate(0x7fff, 0, Access.write, false));
  t.deepEqual([walk.faultKind, walk.faultLow, walk.faultAccess], [NestedFaultKind.permission, 0x7fff, Access.write]);
  t.false(walk.translate(0x7000, 0, Access.read, true), 'a table is written');
  t.true(walk.faultInTable);
  entry(leaf(8), 0x48007, 0x8000_0000 | 0);
  t.false(walk.translate(0x8000, 0, Access.execute, false));
  entry(leaf(9), 0x49007, 0x8_0000);
  t.false(walk.translate(0x9000, 0, Access.read, false));
  t.is(walk.faultKind, NestedFaultKind.malformed);
  t.false(walk.translate(0x40_0000, 0, Access.read, false));
  t.is(walk.faultKind, NestedFaultKind.absent);
});

test('EPT: rights, memory types, misconfigurations', t => {
  const { walk, entry, leaf, view } = machine(ept(), 0x37);
  t.true(walk.translate(0x5000, 0, Access.execute, false));
  t.is(view.getUint32(leaf(5), true) & 0x300, 0x100);
  t.true(walk.translate(0x5000, 0, Access.write, false));
  t.is(view.getUint32(leaf(5), true) & 0x300, 0x300);
  entry(leaf(6), 0x46031);
  t.false(walk.translate(0x6000, 0, Access.write, false));
  t.deepEqual([walk.faultKind, walk.permissions], [NestedFaultKind.permission, 1]);
  for (const wrong of [0x46032, 0x46036, 0x46034, 0x46017, 0x4601f, 0x4603f]) {
    entry(leaf(6), wrong);
    t.false(walk.translate(0x6000, 0, Access.read, false));
    t.is(walk.faultKind, NestedFaultKind.malformed, wrong.toString(16));
  }
  entry(leaf(6), 0);
  t.false(walk.translate(0x6000, 0, Access.read, false));
  t.deepEqual([walk.faultKind, walk.permissions], [NestedFaultKind.absent, 0]);
});

test('guest tables are walked through the nested ones; the TLB holds the whole translation', t => {
  for (const format of [npt, ept()]) {
    const m = machine(format, format.name === 'npt' ? 7 : 0x37);
    const guest = (page: number) => (page + 0x40) << 12;
    m.entry(guest(1), 0x2007);
    m.entry(guest(2), 0x3007);
    m.entry(guest(3), 0x4007);
    for (let page = 0; page < 64; page++) m.entry(guest(4) + page * 8, (page << 12) | 3);
    m.state.cr0 = Cr0.pe | Cr0.pg | Cr0.wp;
    m.state.cr4 = Cr4.pae;
    m.state.efer = Efer.lme | Efer.lma | Efer.nxe;
    m.state.mode = mode64;
    m.state.guest = 1;
    m.state.set64(layout.cr3.offset, 0x1000, 0);
    m.mmu.space = 1;
    m.mmu.paging.nested = m.walk;
    m.mmu.refresh();
    t.is(m.mmu.translateWrite(0x9010, 0, 8), ram + 0x49010);
    t.is(m.view.getUint32(guest(4) + 9 * 8, true) & 0x60, 0x60, 'guest A and D');
    m.entry(m.leaf(4), 0);
    t.is(m.mmu.translateRead(0xa000, 0, 8), 0);
    t.is(m.state.leave, Leave.nestedFault);
    t.true(m.walk.faultInTable);
    t.is(m.walk.faultLow, 0x4000 + 10 * 8);
    t.is(m.state.low(layout.faultAddress.offset), 0xa000);
    t.not(m.mmu.tlb.lookup(0x5000, 0x9010, 0, m.state.context), 0, 'still cached');
    m.mmu.flushNested(root, 0);
    t.is(m.mmu.tlb.lookup(0x5000, 0x9010, 0, m.state.context), 0);
    m.entry(m.leaf(4), 0x44000 | (format.name === 'npt' ? 7 : 0x37));
    m.entry(m.leaf(11), 0);
    t.is(m.mmu.translateRead(0xb008, 0, 8), 0);
    t.false(m.walk.faultInTable);
    t.is(m.walk.faultLow, 0xb000);
  }
});

/** Tables of a host that is not in long mode, from `root` + 0x20 on where they are PAE's: guest-physical page n is physical page n + 0x40. */
function narrow(paging: 'pae' | 'legacy', { noExecute = true, largePages = true } = {}) {
  const m = machine(npt, 0);
  const bytes = paging === 'pae' ? 8 : 4;
  const put = (at: number, low: number, high = 0) =>
    bytes === 8 ? m.entry(at, low, high) : m.view.setInt32(at, low, true);
  const top = paging === 'pae' ? root + 0x20 : root;
  const directory = paging === 'pae' ? root + 0x1000 : root;
  const leaf = (page: number) => root + 0x2000 + page * bytes;
  if (paging === 'pae') for (let n = 0; n < 4; n++) put(top + n * 8, n === 0 ? directory | 1 : 0);
  put(directory, (root + 0x2000) | 7);
  for (let page = 0; page < 64; page++) put(leaf(page), ((page + 0x40) << 12) | 7);
  const format = nptFormat({ paging, noExecute, largePages, physicalBits: 40, hugePages: true });
  const walk = new NestedWalk(m.physical, format, top, 0);
  const get = (at: number) => m.view.getUint32(at, true);
  const fault = (low: number, access: number, high = 0) =>
    walk.translate(low, high, access, false) ? 'none' : walk.faultKind;
  return { ...m, put, get, top, directory, leaf, walk, fault, bytes };
}

for (const paging of ['pae', 'legacy'] as const)
  test(`${paging}: pages, rights, accessed and dirty bits`, t => {
    const { walk, put, get, leaf, directory, top, fault, bytes } = narrow(paging);
    t.true(walk.translate(0x5123, 0, Access.read, false));
    t.deepEqual([walk.low, walk.high, walk.shift, walk.permissions], [0x45000, 0, 12, 7]);
    t.deepEqual([get(leaf(5)) & 0x60, get(directory) & 0x60], [0x20, 0x20]);
    t.true(walk.translate(0x5123, 0, Access.write, false));
    t.deepEqual([get(leaf(5)) & 0x60, get(directory) & 0x60], [0x60, 0x20]);
    if (paging === 'pae') t.is(get(top), directory | 1, 'a PDPTE has no accessed bit');
    t.is(get(leaf(6)) & 0x60, 0);
    put(leaf(6), 0x46003);
    t.is(fault(0x6000, Access.read), NestedFaultKind.permission, 'a supervisor page');
    t.is(get(leaf(6)) & 0x60, 0, 'which is not marked');
    put(leaf(7), 0x47005);
    t.is(fault(0x7000, Access.read), 'none');
    t.is(fault(0x7000, Access.write), NestedFaultKind.permission);
    t.false(walk.translate(0x7000, 0, Access.read, true), 'a table is written');
    put(leaf(8), 0);
    t.is(fault(0x8000, Access.read), NestedFaultKind.absent);
    put(directory, (root + 0x2000) | 3);
    t.is(fault(0x5000, Access.read), NestedFaultKind.permission, 'a supervisor directory');
    put(directory, (root + 0x2000) | 5);
    t.is(fault(0x5000, Access.read), 'none');
    t.is(fault(0x5000, Access.write), NestedFaultKind.permission, 'a directory that may be read');
    t.is(fault(0x5000, Access.read, 1), NestedFaultKind.absent, 'beyond 4 GiB');
    // Nothing beside the entry is marked.
    t.is(get(leaf(5) + bytes), 0x46003);
  });

test('pae: PDPTEs, 2 MiB pages, no-execute and reserved bits', t => {
  const { walk, put, get, top, directory, leaf, fault } = narrow('pae');
  put(directory + 8, 0x8000_0000 | 0x60_0000 | 0xe7, 0x12);
  t.true(walk.translate(0x2a_bcde, 0, Access.write, false));
  t.deepEqual([walk.low >>> 0, walk.high, walk.shift], [0x806a_b000, 0x12, 21]);
  put(directory + 8, 0x2087);
  t.is(fault(0x20_0000, Access.read), NestedFaultKind.malformed, 'bit 13 of a 2 MiB page');
  put(leaf(9), 0x49007, 0x8000_0000 | 0);
  t.is(fault(0x9000, Access.read), 'none');
  t.is(fault(0x9000, Access.execute), NestedFaultKind.permission);
  put(leaf(10), 0x4a007, 1 << 20);
  t.is(fault(0xa000, Access.read), NestedFaultKind.malformed, 'bit 52, which long mode ignores');
  put(leaf(10), 0x4a007, 1 << 8);
  t.is(fault(0xa000, Access.read), NestedFaultKind.malformed, 'beyond the physical width');
  for (const [low, high] of [
    [2, 0],
    [4, 0],
    [0x20, 0],
    [0x100, 0],
    [0, 1 << 8],
    [0, 1 << 20],
    [0, 0x8000_0000 | 0],
  ] as const) {
    put(top, directory | 1 | low, high);
    t.is(fault(0x5000, Access.read), NestedFaultKind.malformed, `PDPTE ${low} ${high}`);
  }
  put(top, directory | 0xe19);
  t.is(fault(0x5000, Access.read), 'none', 'PWT, PCD and what software may use');
  put(top + 3 * 8, directory | 1);
  t.true(walk.translate(0xc000_5000 | 0, 0, Access.read, false));
  t.is(walk.low, 0x45000);
  t.is(fault(0x4000_5000, Access.read), NestedFaultKind.absent);
  t.is(get(top) & 0x60, 0);

  const executes = narrow('pae', { noExecute: false });
  executes.put(executes.leaf(9), 0x49007, 0x8000_0000 | 0);
  t.is(executes.fault(0x9000, Access.read), NestedFaultKind.malformed, 'without EFER.NXE');
});

test('legacy: 4 MiB pages where the host has CR4.PSE', t => {
  const { walk, put, directory, leaf, fault } = narrow('legacy');
  put(directory + 4, 0x00c0_0000 | (0x12 << 13) | 0x87);
  t.true(walk.translate(0x7a_bcde, 0, Access.write, false));
  t.deepEqual([walk.low, walk.high, walk.shift], [0xfa_b000, 0x12, 22]);
  t.is(fault(0x7a_b000, Access.execute), 'none');
  put(directory + 4, 0x00c0_0000 | (1 << 21) | 0x87);
  t.is(fault(0x40_0000, Access.read), NestedFaultKind.malformed);
  put(directory + 0x3ff * 4, 0x87);
  t.true(walk.translate(0xffc0_1000 | 0, 0, Access.read, false));
  t.is(walk.low, 0x1000);
  put(leaf(1), 0x41087);
  t.is(fault(0x1000, Access.read), 'none', 'bit 7 of a page is PAT');

  const without = narrow('legacy', { largePages: false });
  without.put(without.directory, (root + 0x2000) | 0x87);
  t.true(without.walk.translate(0x5000, 0, Access.read, false));
  t.is(without.walk.shift, 12);
});
