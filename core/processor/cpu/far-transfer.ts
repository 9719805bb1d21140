/** Far JMP, CALL and RET (SDM vol. 2): segments, call gates, tasks, changes of privilege. */
import { isCanonical } from '../mmu/segmentation.ts';
import { state as layout, Segment } from '../state/layout.ts';
import type { Status } from '../state/leave.ts';
import { Vector } from '../state/registers.ts';
import type { CpuCore } from './core.ts';
import { readStackPointer } from './delivery/long-mode.ts';
import { readInnerStack } from './delivery/protected-mode.ts';
import { type Descriptor, markAccessed, readDescriptor, readUpperHalf, SystemType } from './descriptor.ts';
import {
  checkStackSegment,
  dropPrivilegedSegments,
  loadNullStack,
  loadRealSegment,
  setCode,
  setFromDescriptor,
} from './segment-load.ts';
import { StackFrame } from './stack-frame.ts';
import { switchTask } from './task-switch.ts';
import { TaskSwitchSource } from './virtualization.ts';

type OperandWidth = 16 | 32 | 64;

export function farJump(cpu: CpuCore, selector: number, low: number, high: number): Status {
  const { descriptor } = cpu;
  if (!cpu.isProtected) return enterRealSegment(cpu, selector, low);
  const error = selector & 0xfffc;
  if (error === 0) cpu.raise(Vector.gp, 0);
  if (!readDescriptor(cpu, selector, descriptor)) cpu.raise(Vector.gp, error);
  if (descriptor.isSegment) {
    checkDirectTarget(cpu, selector, descriptor);
    checkOffset(cpu, descriptor, low, high);
    markAccessed(cpu, descriptor);
    setCode(cpu, selector, descriptor, cpu.cpl);
    return enter(cpu, low, high);
  }
  if (isCallGate(cpu, descriptor)) return jumpThroughGate(cpu, selector, descriptor);
  return transferToTask(cpu, selector, descriptor, TaskSwitchSource.jump);
}

export function farCall(cpu: CpuCore, selector: number, low: number, high: number, width: OperandWidth): Status {
  const { descriptor, frame, state } = cpu;
  if (!cpu.isProtected) {
    frame.current(cpu, width);
    if (low >>> 0 > state.limit(Segment.cs)) cpu.raise(Vector.gp, 0);
    pushReturn(cpu, frame);
    frame.commit();
    return enterRealSegment(cpu, selector, low);
  }
  const error = selector & 0xfffc;
  if (error === 0) cpu.raise(Vector.gp, 0);
  if (!readDescriptor(cpu, selector, descriptor)) cpu.raise(Vector.gp, error);
  if (descriptor.isSegment) {
    checkDirectTarget(cpu, selector, descriptor);
    frame.current(cpu, width);
    pushReturn(cpu, frame);
    checkOffset(cpu, descriptor, low, high);
    markAccessed(cpu, descriptor);
    setCode(cpu, selector, descriptor, cpu.cpl);
    frame.commit();
    return enter(cpu, low, high);
  }
  if (isCallGate(cpu, descriptor)) return callThroughGate(cpu, selector, descriptor);
  return transferToTask(cpu, selector, descriptor, TaskSwitchSource.call);
}

export function farReturn(cpu: CpuCore, width: OperandWidth, release: number): Status {
  const { descriptor, frame, state } = cpu;
  frame.current(cpu, width);
  const low = frame.pop();
  const high = frame.upper;
  const selector = frame.pop() & 0xffff;
  if (!cpu.isProtected) {
    if (low >>> 0 > state.limit(Segment.cs)) cpu.raise(Vector.gp, 0);
    frame.move(release);
    frame.commit();
    return enterRealSegment(cpu, selector, low);
  }
  checkReturnTarget(cpu, selector, descriptor);
  checkOffset(cpu, descriptor, low, high);
  const privilege = selector & 3;
  frame.move(release);
  if (privilege === cpu.cpl) {
    markAccessed(cpu, descriptor);
    setCode(cpu, selector, descriptor, privilege);
    frame.commit();
  } else {
    returnToOuterStack(cpu, frame, selector, descriptor);
    moveStackPointer(cpu, release);
  }
  return enter(cpu, low, high);
}

/**
 * Pops rSP and SS, and takes over an outer level's code and stack. The frame stands at rSP. Common to RET and IRET.
 */
export function returnToOuterStack(cpu: CpuCore, frame: StackFrame, selector: number, code: Descriptor): void {
  const { other, state } = cpu;
  const privilege = selector & 3;
  const low = frame.pop();
  const high = frame.upper;
  const stackSelector = frame.pop() & 0xffff;
  const nullStack = (stackSelector & 0xfffc) === 0;
  if (nullStack) {
    const allowed = cpu.isLong && code.long && privilege !== 3 && (stackSelector & 3) === privilege;
    if (!allowed) cpu.raise(Vector.gp, 0);
  } else {
    checkStackSegment(cpu, stackSelector, privilege, other, Vector.gp, 0);
    markAccessed(cpu, other);
  }
  markAccessed(cpu, code);
  const outer = privilege !== cpu.cpl;
  setCode(cpu, selector, code, privilege);
  if (nullStack) loadNullStack(cpu, stackSelector, privilege);
  else setFromDescriptor(cpu, Segment.ss, stackSelector, other);
  if (cpu.isLong && code.long) state.set64(4 * 8, low, high);
  else if (nullStack || other.big) state.setGpr(4, 32, low, 0);
  else state.setGpr(4, 16, low, 0);
  if (outer) dropPrivilegedSegments(cpu);
}

/** CS of RET and IRET: same or outer privilege. */
export function checkReturnTarget(cpu: CpuCore, selector: number, into: Descriptor): void {
  const error = selector & 0xfffc;
  if (error === 0) cpu.raise(Vector.gp, 0);
  if (!readDescriptor(cpu, selector, into)) cpu.raise(Vector.gp, error);
  const privilege = selector & 3;
  if (!into.isCode || privilege < cpu.cpl) cpu.raise(Vector.gp, error);
  if (into.isConforming ? into.dpl > privilege : into.dpl !== privilege) cpu.raise(Vector.gp, error);
  checkLongBits(cpu, into, error);
  if (!into.present) cpu.raise(Vector.np, error);
}

/** The offset must lie within the segment, or be canonical in 64-bit code. */
export function checkOffset(cpu: CpuCore, code: Descriptor, low: number, high: number): void {
  if (cpu.isLong && code.long) {
    if (!isCanonical(high)) cpu.raise(Vector.gp, 0);
  } else if (low >>> 0 > code.limit >>> 0) cpu.raise(Vector.gp, 0);
}

/** RIP, and mode by the CS that has been loaded. */
export function enter(cpu: CpuCore, low: number, high: number): Status {
  cpu.modeChanged();
  cpu.state.setRip(low, cpu.is64 ? high : 0);
  return cpu.arrived();
}

export function enterRealSegment(cpu: CpuCore, selector: number, offset: number): Status {
  if (offset >>> 0 > cpu.state.limit(Segment.cs)) cpu.raise(Vector.gp, 0);
  loadRealSegment(cpu, Segment.cs, selector);
  return enter(cpu, offset, 0);
}

function checkDirectTarget(cpu: CpuCore, selector: number, code: Descriptor): void {
  const error = selector & 0xfffc;
  if (!code.isCode) cpu.raise(Vector.gp, error);
  const { cpl } = cpu;
  if (code.isConforming ? code.dpl > cpl : (selector & 3) > cpl || code.dpl !== cpl) cpu.raise(Vector.gp, error);
  checkLongBits(cpu, code, error);
  if (!code.present) cpu.raise(Vector.np, error);
}

function checkLongBits(cpu: CpuCore, code: Descriptor, error: number): void {
  if (cpu.isLong && code.long && code.big) cpu.raise(Vector.gp, error);
}

const isCallGate = (cpu: CpuCore, { type }: Descriptor): boolean =>
  type === SystemType.callGate32 || (type === SystemType.callGate16 && !cpu.isLong);

/** Checks a gate and reads its target's descriptor into `cpu.other`; its selector is the answer. */
function readGate(cpu: CpuCore, selector: number, gate: Descriptor, jump: boolean): number {
  const { other: code } = cpu;
  const error = selector & 0xfffc;
  if (gate.dpl < cpu.cpl || gate.dpl < (selector & 3)) cpu.raise(Vector.gp, error);
  if (!gate.present) cpu.raise(Vector.np, error);
  gate.upper = 0;
  if (cpu.isLong && (!readUpperHalf(cpu, selector, gate) || (gate.top & 0x1f00) !== 0)) cpu.raise(Vector.gp, error);
  const target = gate.gateSelector;
  const targetError = target & 0xfffc;
  if (targetError === 0) cpu.raise(Vector.gp, 0);
  if (!readDescriptor(cpu, target, code)) cpu.raise(Vector.gp, targetError);
  const { cpl } = cpu;
  if (!code.isCode || code.dpl > cpl || (jump && !code.isConforming && code.dpl !== cpl))
    cpu.raise(Vector.gp, targetError);
  if (cpu.isLong && (!code.long || code.big)) cpu.raise(Vector.gp, targetError);
  if (!code.present) cpu.raise(Vector.np, targetError);
  return target;
}

const gateOffset = (gate: Descriptor): number =>
  gate.type === SystemType.callGate16 ? gate.gateOffset & 0xffff : gate.gateOffset;

function jumpThroughGate(cpu: CpuCore, selector: number, gate: Descriptor): Status {
  const { other: code } = cpu;
  const target = readGate(cpu, selector, gate, true);
  const low = gateOffset(gate);
  const { upper } = gate;
  checkOffset(cpu, code, low, upper);
  markAccessed(cpu, code);
  setCode(cpu, target, code, cpu.cpl);
  return enter(cpu, low, upper);
}

function callThroughGate(cpu: CpuCore, selector: number, gate: Descriptor): Status {
  const { frame, other: code, state } = cpu;
  const target = readGate(cpu, selector, gate, false);
  const low = gateOffset(gate);
  const { upper } = gate;
  const width: OperandWidth = cpu.isLong ? 64 : gate.type === SystemType.callGate32 ? 32 : 16;
  const inner = !code.isConforming && code.dpl < cpu.cpl;
  const { dpl } = code;
  if (!inner) {
    if (cpu.isLong) frame.long(cpu, state.gprLow(4), cpu.is64 ? state.gprHigh(4) : 0, cpu.cpl, 0);
    else frame.current(cpu, width);
    pushReturn(cpu, frame);
    checkOffset(cpu, code, low, upper);
    markAccessed(cpu, code);
    setCode(cpu, target, code, cpu.cpl);
    frame.commit();
  } else if (cpu.isLong) {
    readStackPointer(cpu, 4 + dpl * 8, 0);
    frame.long(cpu, cpu.low, cpu.high, dpl, 0);
    frame.push(state.selector(Segment.ss));
    frame.push(state.gprLow(4), state.gprHigh(4));
    pushReturn(cpu, frame);
    checkOffset(cpu, code, low, upper);
    markAccessed(cpu, code);
    setCode(cpu, target, code, dpl);
    loadNullStack(cpu, dpl, dpl);
    frame.commit();
  } else {
    const count = gate.gateParameters;
    const parameters = new StackFrame().current(cpu, width === 64 ? 32 : width);
    const values = Array.from({ length: count }, () => parameters.pop());
    const stackSelector = readInnerStack(cpu, dpl, 0);
    const pointer = cpu.low;
    const stack = gate;
    checkStackSegment(cpu, stackSelector, dpl, stack, Vector.ts, 0);
    frame.inner(cpu, stack, pointer, width === 64 ? 32 : width, stackSelector & 0xfffc);
    frame.push(state.selector(Segment.ss));
    frame.push(state.gprLow(4));
    for (const value of values.reverse()) frame.push(value);
    pushReturn(cpu, frame);
    checkOffset(cpu, code, low, 0);
    markAccessed(cpu, stack);
    markAccessed(cpu, code);
    setCode(cpu, target, code, dpl);
    setFromDescriptor(cpu, Segment.ss, stackSelector, stack);
    frame.commit();
  }
  return enter(cpu, low, upper);
}

function transferToTask(cpu: CpuCore, selector: number, descriptor: Descriptor, source: number): Status {
  const error = selector & 0xfffc;
  const { type } = descriptor;
  const isTask = type === SystemType.tss16 || type === SystemType.tss32;
  if (cpu.isLong || !(isTask || type === SystemType.taskGate)) cpu.raise(Vector.gp, error);
  if (descriptor.dpl < cpu.cpl || descriptor.dpl < (selector & 3)) cpu.raise(Vector.gp, error);
  if (!descriptor.present) cpu.raise(Vector.np, error);
  switchFrom(cpu, isTask ? selector : descriptor.gateSelector, source);
  return cpu.arrived();
}

/** A task switch by an instruction: the old task goes on at the next one. A fault before the switch is the instruction's. */
export function switchFrom(cpu: CpuCore, selector: number, source: number): void {
  const { state } = cpu;
  const ripLow = state.ripLow;
  const task = state.selector(Segment.tr);
  state.copy64(layout.rip.offset, layout.nextRip.offset);
  try {
    switchTask(cpu, selector, source, 0, -1, state.flags);
  } catch (thrown) {
    if (thrown === cpu.fault && state.selector(Segment.tr) === task) state.setRip(ripLow, 0);
    throw thrown;
  }
}

function pushReturn(cpu: CpuCore, frame: StackFrame): void {
  const { state } = cpu;
  frame.push(state.selector(Segment.cs));
  frame.push(state.low(layout.nextRip.offset), state.high(layout.nextRip.offset));
}

/** RET n to an outer level releases parameters on both stacks. */
function moveStackPointer(cpu: CpuCore, bytes: number): void {
  if (bytes === 0) return;
  cpu.modeChanged();
  const frame = new StackFrame().current(cpu, 64);
  frame.move(bytes);
  frame.commit();
}
