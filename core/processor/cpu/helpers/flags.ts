/** POPF, PUSHF, CLI and STI where IOPL, virtual-8086 mode and its extensions have a say (SDM vol. 3, chapter 21); CLAC and STAC; nested ENTER. */
import { Segment } from '../../state/layout.ts';
import { Access, Status } from '../../state/leave.ts';
import { Cr4, Flag, Gpr, InterruptShadow, Vector } from '../../state/registers.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';
import { virtualImage } from '../delivery/deliver.ts';

const arithmetic = Flag.cf | Flag.pf | Flag.af | Flag.zf | Flag.sf | Flag.of;
const always = arithmetic | Flag.tf | Flag.df | Flag.nt;

export const pushfVirtual: HelperImplementation = cpu => {
  const { frame, state } = cpu;
  const width = state.argument(0) as 16 | 32;
  if (width !== 16 || (state.cr4 & Cr4.vme) === 0) cpu.raise(Vector.gp, 0);
  frame.current(cpu, width);
  frame.push(virtualImage(state.flags));
  frame.commit();
  return Status.done;
};

export const popf: HelperImplementation = cpu => {
  const { state } = cpu;
  const image = state.argument(0);
  const width = state.argument(1) as 16 | 32 | 64;
  const stackWidth = state.argument(2) as 16 | 32 | 64;
  const { cpl, iopl } = cpu;
  const before = state.flags;
  let mask = always | (width === 16 ? 0 : Flag.ac | Flag.id);
  let replacement = image;
  if (cpu.isVirtual8086) {
    if (iopl === 3) mask |= Flag.if;
    else {
      if (width !== 16 || (state.cr4 & Cr4.vme) === 0) cpu.raise(Vector.gp, 0);
      const wanted = (image & Flag.if) !== 0;
      if ((image & Flag.tf) !== 0 || (wanted && (before & Flag.vip) !== 0)) cpu.raise(Vector.gp, 0);
      mask |= Flag.vif;
      replacement = (image & ~Flag.vif) | (wanted ? Flag.vif : 0);
    }
  } else {
    if (cpl <= iopl) mask |= Flag.if;
    if (cpl === 0) mask |= Flag.iopl;
  }
  state.flags = ((before & ~mask) | (replacement & mask)) & ~Flag.rf;
  const bytes = width >> 3;
  const low = (state.gprLow(Gpr.rsp) + bytes) | 0;
  state.setGpr(Gpr.rsp, stackWidth, low, (state.gprHigh(Gpr.rsp) + (low >>> 0 < bytes ? 1 : 0)) | 0);
  if (((before ^ state.flags) & Flag.ac) !== 0) cpu.translation.refreshPrivilege();
  return cpu.windowOpened();
};

/** Virtual interrupts: VIF stands in for IF in virtual-8086 mode with VME, and at CPL 3 with PVI. */
const hasVirtualFlag = (cpu: CpuCore): boolean =>
  (cpu.isVirtual8086 && (cpu.state.cr4 & Cr4.vme) !== 0) ||
  (!cpu.isVirtual8086 && cpu.cpl === 3 && (cpu.state.cr4 & Cr4.pvi) !== 0);

export const cli: HelperImplementation = cpu => {
  const { state } = cpu;
  if (cpu.cpl <= cpu.iopl) state.systemFlags &= ~Flag.if;
  else if (cpu.isProtected || cpu.isVirtual8086) {
    if (!hasVirtualFlag(cpu)) cpu.raise(Vector.gp, 0);
    state.systemFlags &= ~Flag.vif;
  }
  return Status.done;
};

export const sti: HelperImplementation = cpu => {
  const { state } = cpu;
  if (cpu.cpl > cpu.iopl) {
    if (!hasVirtualFlag(cpu) || (state.systemFlags & Flag.vip) !== 0) cpu.raise(Vector.gp, 0);
    state.systemFlags |= Flag.vif;
    return cpu.transferred();
  }
  if ((state.systemFlags & Flag.if) !== 0) return cpu.transferred();
  state.systemFlags |= Flag.if;
  return cpu.shadow(InterruptShadow.sti);
};

export const setAlignmentCheck: HelperImplementation = cpu => {
  const { state } = cpu;
  if (cpu.cpl !== 0) cpu.raise(Vector.ud);
  if (state.argument(0) !== 0) state.systemFlags |= Flag.ac;
  else state.systemFlags &= ~Flag.ac;
  cpu.translation.refreshPrivilege();
  return cpu.transferred();
};

/** Copies frame pointers of outer levels, then pushes the new one (SDM vol. 2, ENTER). */
export const enterNested: HelperImplementation = cpu => {
  const { frame, memory, state } = cpu;
  const size = state.argument(0) & 0xffff;
  const level = state.argument(1);
  const width = state.argument(2) as 16 | 32 | 64;
  const stackWidth = state.argument(3) as 16 | 32 | 64;
  const bytes = width >> 3;
  frame.current(cpu, width);
  frame.push(state.gprLow(Gpr.rbp), state.gprHigh(Gpr.rbp));
  const frameLow = frame.low;
  const frameHigh = frame.high;
  let low = state.gprLow(Gpr.rbp);
  let high = state.gprHigh(Gpr.rbp);
  for (let n = 1; n < level; n++) {
    high = stackWidth === 64 ? (high - (low >>> 0 < bytes ? 1 : 0)) | 0 : 0;
    low = stackWidth === 16 ? (low - bytes) & 0xffff : (low - bytes) | 0;
    const at = cpu.operand(Segment.ss, low, high, bytes, Access.read);
    const value = width === 64 ? memory.read64(at.low, at.high, 0) : readNarrow(cpu, at.low, at.high, width);
    frame.push(value, width === 64 ? memory.upper : 0);
  }
  frame.push(frameLow, frameHigh);
  frame.move(-size);
  const top = cpu.operand(Segment.ss, frame.low, frame.high, bytes, Access.write);
  memory.probeWrite(top.low, top.high, bytes, 0);
  frame.commit();
  state.setGpr(Gpr.rbp, width, frameLow, frameHigh);
  return Status.done;
};

const readNarrow = ({ memory }: CpuCore, low: number, high: number, width: 16 | 32 | 64): number =>
  width === 16 ? memory.read16(low, high, 0) : memory.read32(low, high, 0);
