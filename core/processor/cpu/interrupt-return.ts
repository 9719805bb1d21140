/** IRET (SDM vol. 2): real, virtual-8086, protected mode with nested tasks, and 64-bit mode. */
import { Segment } from '../state/layout.ts';
import type { Status } from '../state/leave.ts';
import { Access } from '../state/leave.ts';
import { Cr4, Flag, Vector } from '../state/registers.ts';
import type { CpuCore } from './core.ts';
import { markAccessed } from './descriptor.ts';
import {
  checkOffset,
  checkReturnTarget,
  enter,
  enterRealSegment,
  returnToOuterStack,
  switchFrom,
} from './far-transfer.ts';
import { loadRealSegment, setCode } from './segment-load.ts';
import { TaskSwitchSource } from './virtualization.ts';

const arithmetic = Flag.cf | Flag.pf | Flag.af | Flag.zf | Flag.sf | Flag.of;
/** What any IRET may change. */
const always = arithmetic | Flag.tf | Flag.df | Flag.nt;
const wideAlways = Flag.rf | Flag.ac | Flag.id;

export function interruptReturn(cpu: CpuCore, width: 16 | 32 | 64): Status {
  if (cpu.nmiBlocked && cpu.model.dialect === 'intel') unblockFirst(cpu);
  if (cpu.isVirtual8086) return returnInVirtual8086(cpu, width);
  if (!cpu.isProtected) return returnInRealMode(cpu, width);
  if ((cpu.state.systemFlags & Flag.nt) !== 0) return returnToTask(cpu);
  return returnInProtectedMode(cpu, width);
}

function unblockNmis(cpu: CpuCore): void {
  if (cpu.state.guest !== 0 && cpu.virtualization) cpu.virtualization.nmiUnblocked();
  else cpu.nmiBlocked = false;
}

/** NMIs are deliverable again after an IRET. */
function unblock(cpu: CpuCore): void {
  unblockNmis(cpu);
  cpu.nmiUnblocking = false;
  cpu.resumeFresh = true;
}

/** Those of Intel's processors unblock NMIs even where they fault (SDM vol. 3, section 6.7.1), but not where they exit by a task switch. */
function unblockFirst(cpu: CpuCore): void {
  const nested = (cpu.state.systemFlags & Flag.nt) !== 0 && cpu.isProtected && !cpu.isVirtual8086 && !cpu.isLong;
  if (nested && cpu.state.guest !== 0) return;
  unblockNmis(cpu);
  cpu.nmiUnblocking = !cpu.nmiBlocked;
}

const replaceFlags = (cpu: CpuCore, image: number, mask: number): void => {
  cpu.state.flags = (cpu.state.flags & ~mask) | (image & mask);
};

function returnInRealMode(cpu: CpuCore, width: 16 | 32 | 64): Status {
  const { frame, state } = cpu;
  frame.current(cpu, width);
  const rip = frame.pop();
  const selector = frame.pop() & 0xffff;
  const image = frame.pop();
  if (rip >>> 0 > state.limit(Segment.cs)) cpu.raise(Vector.gp, 0);
  frame.commit();
  replaceFlags(cpu, image, always | Flag.if | Flag.iopl | (width === 16 ? 0 : wideAlways));
  unblock(cpu);
  return enterRealSegment(cpu, selector, rip);
}

function returnInVirtual8086(cpu: CpuCore, width: 16 | 32 | 64): Status {
  const { frame, state } = cpu;
  const virtualFlags = cpu.iopl < 3;
  if (virtualFlags && ((state.cr4 & Cr4.vme) === 0 || width !== 16)) cpu.raise(Vector.gp, 0);
  frame.current(cpu, width);
  const rip = frame.pop();
  const selector = frame.pop() & 0xffff;
  const image = frame.pop();
  if (rip >>> 0 > state.limit(Segment.cs)) cpu.raise(Vector.gp, 0);
  if (virtualFlags) {
    const pending = (state.systemFlags & Flag.vip) !== 0 && (image & Flag.if) !== 0;
    if (pending || (image & Flag.tf) !== 0) cpu.raise(Vector.gp, 0);
    frame.commit();
    replaceFlags(cpu, image, always);
    state.systemFlags = (state.systemFlags & ~Flag.vif) | ((image & Flag.if) !== 0 ? Flag.vif : 0);
  } else {
    frame.commit();
    replaceFlags(cpu, image, always | Flag.if | (width === 16 ? 0 : wideAlways));
  }
  unblock(cpu);
  return enterRealSegment(cpu, selector, rip);
}

function returnToTask(cpu: CpuCore): Status {
  const { memory, state } = cpu;
  if (cpu.isLong) cpu.raise(Vector.gp, 0);
  const link = memory.read16(state.baseLow(Segment.tr), 0, Access.implicit);
  switchFrom(cpu, link, TaskSwitchSource.iret);
  unblock(cpu);
  return cpu.arrived();
}

function returnInProtectedMode(cpu: CpuCore, width: 16 | 32 | 64): Status {
  const { descriptor, frame } = cpu;
  const { cpl } = cpu;
  frame.current(cpu, width);
  const low = frame.pop();
  const high = frame.upper;
  const selector = frame.pop() & 0xffff;
  const image = frame.pop();
  if ((image & Flag.vm) !== 0 && cpl === 0 && width === 32 && !cpu.isLong)
    return returnToVirtual8086(cpu, low, selector, image);
  checkReturnTarget(cpu, selector, descriptor);
  checkOffset(cpu, descriptor, low, high);
  const mask =
    always |
    (width === 16 ? 0 : wideAlways) |
    (cpl <= cpu.iopl ? Flag.if : 0) |
    (cpl === 0 ? Flag.iopl | (width === 16 ? 0 : Flag.vif | Flag.vip) : 0);
  const privilege = selector & 3;
  // Code in 64-bit mode always returns by a whole frame.
  if (privilege !== cpl || cpu.is64) returnToOuterStack(cpu, frame, selector, descriptor);
  else {
    markAccessed(cpu, descriptor);
    setCode(cpu, selector, descriptor, privilege);
    frame.commit();
  }
  replaceFlags(cpu, image, mask);
  unblock(cpu);
  return enter(cpu, low, high);
}

function returnToVirtual8086(cpu: CpuCore, rip: number, selector: number, image: number): Status {
  const { frame, state } = cpu;
  const pointer = frame.pop();
  const stack = frame.pop() & 0xffff;
  const others = [Segment.es, Segment.ds, Segment.fs, Segment.gs].map(segment => ({
    segment,
    selector: frame.pop() & 0xffff,
  }));
  if (rip >>> 0 > 0xffff) cpu.raise(Vector.gp, 0);
  state.flags = image;
  cpu.cpl = 3;
  loadRealSegment(cpu, Segment.cs, selector);
  loadRealSegment(cpu, Segment.ss, stack);
  for (const other of others) loadRealSegment(cpu, other.segment, other.selector);
  state.setGpr(4, 32, pointer, 0);
  unblock(cpu);
  return enter(cpu, rip, 0);
}
