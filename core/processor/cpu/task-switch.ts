/** Task switches (SDM vol. 3, section 8.3): JMP, CALL, IRET and task gates, by 16- and 32-bit TSSs. */
import { state as layout, Segment } from '../state/layout.ts';
import { Access } from '../state/leave.ts';
import { Cr0, Dr6, Flag, Vector } from '../state/registers.ts';
import type { CpuCore } from './core.ts';
import { Descriptor, markAccessed, readDescriptor, SystemType, writeType } from './descriptor.ts';
import { loadNull, loadRealSegment, setFromDescriptor } from './segment-load.ts';
import { StackFrame } from './stack-frame.ts';
import { TaskSwitchSource } from './virtualization.ts';

const busy = 0x200;
/** Where segments lie in a TSS, in the order es cs ss ds fs gs, which is that of the registers. */
const selectors32 = 0x48;
const selectors16 = 0x22;

/**
 * `selector` names the new TSS. `external`: EXT bit. `error`: code to push on the new task's stack, or -1. `flags`: RFLAGS as they are
 * to be saved. Saved RIP is state.rip.
 */
export function switchTask(
  cpu: CpuCore,
  selector: number,
  source: number,
  external: number,
  error: number,
  flags: number,
): void {
  const { memory, state } = cpu;
  const incoming = new Descriptor();
  // IRET finds its selector in the TSS: what is wrong with it is a fault of the TSS.
  const wrong = source === TaskSwitchSource.iret ? Vector.ts : Vector.gp;
  const selectorError = (selector & 0xfffc) | external;
  if ((selector & 4) !== 0 || (selector & 0xfffc) === 0) cpu.raise(wrong, selectorError);
  if (!readDescriptor(cpu, selector, incoming)) cpu.raise(wrong, selectorError);
  const available = incoming.type === SystemType.tss16 || incoming.type === SystemType.tss32;
  const isBusy = incoming.type === SystemType.busyTss16 || incoming.type === SystemType.busyTss32;
  if (incoming.isSegment || !(source === TaskSwitchSource.iret ? isBusy : available)) cpu.raise(wrong, selectorError);
  if (!incoming.present) cpu.raise(Vector.np, selectorError);
  const wide = (incoming.type & 8) !== 0;
  const limit = incoming.limit >>> 0;
  if (limit < (wide ? 0x67 : 0x2b)) cpu.raise(Vector.ts, selectorError);
  if (state.guest !== 0 && cpu.virtualization)
    cpu.stop(cpu.virtualization.taskSwitchIntercepted(selector, source, error >= 0, error));

  // All of both TSSs is touched before anything changes.
  const oldBase = state.baseLow(Segment.tr);
  const oldWide = (state.attributes(Segment.tr) & 8) !== 0;
  const oldSelector = state.selector(Segment.tr);
  const base = incoming.base;
  memory.probeWrite(oldBase, 0, oldWide ? 0x60 : 0x2a, Access.implicit);
  memory.probeRead(base, 0, wide ? 0x68 : 0x2c, Access.implicit);
  const task = wide ? readTask32(cpu, base) : readTask16(cpu, base);

  const saved = source === TaskSwitchSource.iret ? flags & ~Flag.nt : flags;
  if (oldWide) saveTask32(cpu, oldBase, saved);
  else saveTask16(cpu, oldBase, saved);
  if (source === TaskSwitchSource.jump || source === TaskSwitchSource.iret) clearBusy(cpu, oldSelector);
  if (source === TaskSwitchSource.call || source === TaskSwitchSource.gate) {
    memory.write16(base, 0, Access.implicit, oldSelector);
    task.flags |= Flag.nt;
  }
  if (source !== TaskSwitchSource.iret) {
    incoming.high |= busy;
    writeType(cpu, incoming);
  }

  // From here on the new task runs: faults are its own. No single step ends with a task switch (SDM vol. 3, section 18.4.3).
  cpu.stepSuppressed = true;
  state.setSegment(Segment.tr, selector, incoming.attributes | 2, incoming.limit, base, 0);
  state.cr0 |= Cr0.ts;
  cpu.unitsChanged();
  if ((state.cr0 & Cr0.pg) !== 0 && wide) {
    state.set64(layout.cr3.offset, task.cr3, 0);
    cpu.translation.rootLoaded(false);
    if (cpu.usesPdptes) cpu.translation.loadPdptes();
  }
  for (let n = 0; n < 8; n++) state.setGpr(n, 32, task.registers[n], 0);
  state.setRip(task.rip, 0);
  state.flags = task.flags;
  state.set64(layout.dr7.offset, state.low(layout.dr7.offset) & ~0x155, 0);
  cpu.translation.refreshWatchpoints();
  loadSegments(cpu, task);
  if (task.trap && wide) cpu.pendingDebug |= Dr6.bt;
  if (error >= 0) {
    const frame = new StackFrame().current(cpu, wide ? 32 : 16);
    frame.push(error);
    frame.commit();
  }
  if (state.ripLow >>> 0 > state.limit(Segment.cs)) cpu.raise(Vector.gp, external);
}

interface Task {
  readonly registers: readonly number[];
  readonly selectors: readonly number[];
  readonly ldt: number;
  readonly cr3: number;
  readonly rip: number;
  flags: number;
  readonly trap: boolean;
}

function readTask32({ memory }: CpuCore, base: number): Task {
  const read = (offset: number) => memory.read32((base + offset) | 0, 0, Access.implicit);
  const read16 = (offset: number) => memory.read16((base + offset) | 0, 0, Access.implicit);
  return {
    cr3: read(0x1c),
    rip: read(0x20),
    flags: read(0x24),
    registers: Array.from({ length: 8 }, (_, n) => read(0x28 + n * 4)),
    selectors: Array.from({ length: 6 }, (_, n) => read16(selectors32 + n * 4)),
    ldt: read16(0x60),
    trap: (read16(0x64) & 1) !== 0,
  };
}

function readTask16({ memory }: CpuCore, base: number): Task {
  const read = (offset: number) => memory.read16((base + offset) | 0, 0, Access.implicit);
  return {
    cr3: 0,
    rip: read(0x0e),
    flags: read(0x10),
    registers: Array.from({ length: 8 }, (_, n) => read(0x12 + n * 2) | 0xffff_0000),
    selectors: [...Array.from({ length: 4 }, (_, n) => read(selectors16 + n * 2)), 0, 0],
    ldt: read(0x2a),
    trap: false,
  };
}

function saveTask32({ memory, state }: CpuCore, base: number, flags: number): void {
  const write = (offset: number, value: number) => memory.write32((base + offset) | 0, 0, Access.implicit, value);
  write(0x20, state.ripLow);
  write(0x24, flags);
  for (let n = 0; n < 8; n++) write(0x28 + n * 4, state.gprLow(n));
  for (let n = 0; n < 6; n++) memory.write16((base + selectors32 + n * 4) | 0, 0, Access.implicit, state.selector(n));
}

function saveTask16({ memory, state }: CpuCore, base: number, flags: number): void {
  const write = (offset: number, value: number) => memory.write16((base + offset) | 0, 0, Access.implicit, value);
  write(0x0e, state.ripLow);
  write(0x10, flags);
  for (let n = 0; n < 8; n++) write(0x12 + n * 2, state.gprLow(n));
  for (let n = 0; n < 4; n++) write(selectors16 + n * 2, state.selector(n));
}

function clearBusy(cpu: CpuCore, selector: number): void {
  const outgoing = new Descriptor();
  if ((selector & 0xfffc) === 0 || !readDescriptor(cpu, selector, outgoing)) return;
  outgoing.high &= ~busy;
  writeType(cpu, outgoing);
}

/** Selectors are in place before any of them is checked: a handler of #TS, #NP or #SS sees them. */
function loadSegments(cpu: CpuCore, task: Task): void {
  const { state } = cpu;
  for (let segment = 0; segment < 6; segment++) {
    const selector = task.selectors[segment];
    state.setSegment(segment, selector, segment === Segment.ss ? (selector & 3) << 5 : 0, 0, 0, 0);
  }
  state.setSegment(Segment.ldtr, task.ldt, 0, 0, 0, 0);
  if (cpu.isVirtual8086) {
    for (let segment = 0; segment < 6; segment++) loadRealSegment(cpu, segment, task.selectors[segment]);
    cpu.cpl = 3;
  } else cpu.cpl = task.selectors[Segment.cs] & 3;
  loadLdt(cpu, task.ldt);
  if (!cpu.isVirtual8086) {
    loadTaskCode(cpu, task.selectors[Segment.cs]);
    loadTaskStack(cpu, task.selectors[Segment.ss]);
    for (const segment of [Segment.es, Segment.ds, Segment.fs, Segment.gs])
      loadTaskData(cpu, segment, task.selectors[segment]);
  }
  cpu.modeChanged();
}

function loadLdt(cpu: CpuCore, selector: number): void {
  if ((selector & 0xfffc) === 0) return;
  const { descriptor } = cpu;
  const error = selector & 0xfffc;
  if ((selector & 4) !== 0 || !readDescriptor(cpu, selector, descriptor)) cpu.raise(Vector.ts, error);
  if (descriptor.isSegment || descriptor.type !== SystemType.ldt || !descriptor.present) cpu.raise(Vector.ts, error);
  setFromDescriptor(cpu, Segment.ldtr, selector, descriptor);
}

function loadTaskCode(cpu: CpuCore, selector: number): void {
  const { descriptor } = cpu;
  const error = selector & 0xfffc;
  if (error === 0 || !readDescriptor(cpu, selector, descriptor) || !descriptor.isCode) cpu.raise(Vector.ts, error);
  const privilege = selector & 3;
  if (descriptor.isConforming ? descriptor.dpl > privilege : descriptor.dpl !== privilege) cpu.raise(Vector.ts, error);
  if (!descriptor.present) cpu.raise(Vector.np, error);
  markAccessed(cpu, descriptor);
  setFromDescriptor(cpu, Segment.cs, selector, descriptor);
}

function loadTaskStack(cpu: CpuCore, selector: number): void {
  const { descriptor } = cpu;
  const error = selector & 0xfffc;
  const { cpl } = cpu;
  if (error === 0 || !readDescriptor(cpu, selector, descriptor)) cpu.raise(Vector.ts, error);
  if (!descriptor.isWritable || (selector & 3) !== cpl || descriptor.dpl !== cpl) cpu.raise(Vector.ts, error);
  if (!descriptor.present) cpu.raise(Vector.ss, error);
  markAccessed(cpu, descriptor);
  setFromDescriptor(cpu, Segment.ss, selector, descriptor);
}

function loadTaskData(cpu: CpuCore, segment: number, selector: number): void {
  const { descriptor } = cpu;
  const error = selector & 0xfffc;
  if (error === 0) {
    loadNull(cpu, segment, selector);
    return;
  }
  if (!readDescriptor(cpu, selector, descriptor) || !descriptor.isSegment || !descriptor.isReadable)
    cpu.raise(Vector.ts, error);
  if (!descriptor.isConforming && Math.max(selector & 3, cpu.cpl) > descriptor.dpl) cpu.raise(Vector.ts, error);
  if (!descriptor.present) cpu.raise(Vector.np, error);
  markAccessed(cpu, descriptor);
  setFromDescriptor(cpu, segment, selector, descriptor);
}
