/** Interrupts and exceptions through 16- and 32-bit gates and task gates (SDM vol. 3, section 6.12), from virtual-8086 mode too (section 21.3). */
import { Segment } from '../../state/layout.ts';
import { Access } from '../../state/leave.ts';
import { Flag, Vector } from '../../state/registers.ts';
import type { CpuCore } from '../core.ts';
import { address, markAccessed, readDescriptor, SystemType } from '../descriptor.ts';
import { checkStackSegment, loadNull, setCode, setFromDescriptor } from '../segment-load.ts';
import type { StackFrame } from '../stack-frame.ts';
import { switchTask } from '../task-switch.ts';
import { TaskSwitchSource } from '../virtualization.ts';

export function deliverProtected(
  cpu: CpuCore,
  frame: StackFrame,
  vector: number,
  external: number,
  software: boolean,
  error: number,
  flags: number,
): void {
  const { descriptor: gate, memory, other: code, state } = cpu;
  const gateError = (vector << 3) | 2 | external;
  if (vector * 8 + 7 > state.limit(Segment.idtr)) cpu.raise(Vector.gp, gateError);
  address(cpu, Segment.idtr, vector * 8, gate);
  gate.low = memory.read64(gate.addressLow, gate.addressHigh, Access.implicit);
  gate.high = memory.upper;
  const { type } = gate;
  const isInterrupt = type === SystemType.interruptGate16 || type === SystemType.interruptGate32;
  const isTrap = type === SystemType.trapGate16 || type === SystemType.trapGate32;
  if (gate.isSegment || !(isInterrupt || isTrap || type === SystemType.taskGate)) cpu.raise(Vector.gp, gateError);
  if (software && gate.dpl < state.cpl) cpu.raise(Vector.gp, gateError);
  if (!gate.present) cpu.raise(Vector.np, gateError);
  const selector = gate.gateSelector;
  if (type === SystemType.taskGate) {
    switchTask(cpu, selector, TaskSwitchSource.gate, external, error, flags);
    return;
  }
  const wide = (type & 8) !== 0;
  const size = wide ? 32 : 16;
  const target = wide ? gate.gateOffset : gate.gateOffset & 0xffff;

  const selectorError = (selector & 0xfffc) | external;
  if ((selector & 0xfffc) === 0) cpu.raise(Vector.gp, external);
  if (!readDescriptor(cpu, selector, code)) cpu.raise(Vector.gp, selectorError);
  if (!code.isCode || code.dpl > state.cpl) cpu.raise(Vector.gp, selectorError);
  if (!code.present) cpu.raise(Vector.np, selectorError);
  const virtual = cpu.isVirtual8086;
  const inner = !code.isConforming && code.dpl < state.cpl;
  if (virtual && (!inner || code.dpl !== 0)) cpu.raise(Vector.gp, selectorError);
  const { dpl } = code;

  if (inner) {
    // The gate has been read: its place is free for the stack segment.
    const stackSelector = readInnerStack(cpu, dpl, external);
    const pointer = cpu.low;
    const stack = gate;
    checkStackSegment(cpu, stackSelector, dpl, stack, Vector.ts, external);
    frame.inner(cpu, stack, pointer, size, (stackSelector & 0xfffc) | external);
    if (virtual) {
      frame.push(state.selector(Segment.gs));
      frame.push(state.selector(Segment.fs));
      frame.push(state.selector(Segment.ds));
      frame.push(state.selector(Segment.es));
    }
    frame.push(state.selector(Segment.ss));
    frame.push(state.gprLow(4));
    pushReturn(cpu, frame, flags, error);
    if (target >>> 0 > code.limit >>> 0) cpu.raise(Vector.gp, external);
    markAccessed(cpu, stack);
    markAccessed(cpu, code);
    if (virtual) for (const segment of [Segment.es, Segment.ds, Segment.fs, Segment.gs]) loadNull(cpu, segment, 0);
    state.systemFlags &= ~Flag.vm;
    setCode(cpu, selector, code, dpl);
    setFromDescriptor(cpu, Segment.ss, stackSelector, stack);
  } else {
    frame.current(cpu, size);
    pushReturn(cpu, frame, flags, error);
    if (target >>> 0 > code.limit >>> 0) cpu.raise(Vector.gp, external);
    markAccessed(cpu, code);
    setCode(cpu, selector, code, state.cpl);
  }
  frame.commit();
  state.setRip(target, 0);
  state.systemFlags &= ~(Flag.tf | Flag.nt | Flag.rf | (isInterrupt ? Flag.if : 0));
  cpu.modeChanged();
}

function pushReturn(cpu: CpuCore, frame: StackFrame, flags: number, error: number): void {
  const { state } = cpu;
  frame.push(flags);
  frame.push(state.selector(Segment.cs));
  frame.push(state.ripLow);
  if (error >= 0) frame.push(error);
}

/** The stack for an inner privilege level out of the current TSS: its selector; the pointer goes to cpu.low. */
export function readInnerStack(cpu: CpuCore, privilege: number, external: number): number {
  const { memory, state } = cpu;
  const wide = (state.attributes(Segment.tr) & 8) !== 0;
  const offset = wide ? 4 + privilege * 8 : 2 + privilege * 4;
  const last = wide ? offset + 5 : offset + 3;
  if (last > state.limit(Segment.tr)) cpu.raise(Vector.ts, (state.selector(Segment.tr) & 0xfffc) | external);
  const at = (state.baseLow(Segment.tr) + offset) | 0;
  if (wide) {
    cpu.low = memory.read32(at, 0, Access.implicit);
    return memory.read16((at + 4) | 0, 0, Access.implicit);
  }
  cpu.low = memory.read16(at, 0, Access.implicit);
  return memory.read16((at + 2) | 0, 0, Access.implicit);
}
