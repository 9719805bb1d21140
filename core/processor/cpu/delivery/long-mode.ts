/** Interrupts and exceptions in IA-32e mode (SDM vol. 3, section 6.14; APM vol. 2, section 8.9). */
import { isCanonical } from '../../mmu/segmentation.ts';
import { Segment } from '../../state/layout.ts';
import { Access } from '../../state/leave.ts';
import { Flag, Vector } from '../../state/registers.ts';
import type { CpuCore } from '../core.ts';
import { address, markAccessed, readDescriptor, SystemType } from '../descriptor.ts';
import { loadNullStack, setCode } from '../segment-load.ts';
import type { StackFrame } from '../stack-frame.ts';

/** `external`: EXT bit of error codes. `software`: the gate's DPL is checked. */
export function deliverLong(
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
  if (vector * 16 + 15 > state.limit(Segment.idtr)) cpu.raise(Vector.gp, gateError);
  address(cpu, Segment.idtr, vector * 16, gate);
  gate.low = memory.read64(gate.addressLow, gate.addressHigh, Access.implicit);
  gate.high = memory.upper;
  const upperLow = (gate.addressLow + 8) | 0;
  const upperHigh = upperLow >>> 0 < 8 ? (gate.addressHigh + 1) | 0 : gate.addressHigh;
  const targetHigh = memory.read32(upperLow, upperHigh, Access.implicit);
  const { type } = gate;
  if (gate.isSegment || (type !== SystemType.interruptGate32 && type !== SystemType.trapGate32))
    cpu.raise(Vector.gp, gateError);
  if (software && gate.dpl < state.cpl) cpu.raise(Vector.gp, gateError);
  if (!gate.present) cpu.raise(Vector.np, gateError);

  const selector = gate.gateSelector;
  const selectorError = (selector & 0xfffc) | external;
  if ((selector & 0xfffc) === 0) cpu.raise(Vector.gp, external);
  if (!readDescriptor(cpu, selector, code)) cpu.raise(Vector.gp, selectorError);
  if (!code.isCode || code.dpl > state.cpl || !code.long || code.big) cpu.raise(Vector.gp, selectorError);
  if (!code.present) cpu.raise(Vector.np, selectorError);

  const inner = !code.isConforming && code.dpl < state.cpl;
  const privilege = inner ? code.dpl : state.cpl;
  const interruptStack = gate.high & 7;
  if (interruptStack !== 0 || inner) {
    readStackPointer(cpu, interruptStack !== 0 ? 0x1c + interruptStack * 8 : 4 + privilege * 8, external);
    frame.long(cpu, cpu.low, cpu.high, privilege, external);
  } else frame.long(cpu, state.gprLow(4), state.gprHigh(4), privilege, external);
  if (!isCanonical(frame.high)) cpu.raise(Vector.ss, external);
  if (!isCanonical(targetHigh)) cpu.raise(Vector.gp, external);

  frame.align();
  frame.push(state.selector(Segment.ss));
  frame.push(state.gprLow(4), state.gprHigh(4));
  frame.push(flags);
  frame.push(state.selector(Segment.cs));
  frame.push(state.ripLow, state.ripHigh);
  if (error >= 0) frame.push(error);
  markAccessed(cpu, code);

  setCode(cpu, selector, code, privilege);
  if (inner) loadNullStack(cpu, privilege, privilege);
  state.set64(4 * 8, frame.low, frame.high);
  state.setRip(gate.gateOffset, targetHigh);
  const cleared = Flag.tf | Flag.nt | Flag.rf | Flag.vm | (type === SystemType.interruptGate32 ? Flag.if : 0);
  state.systemFlags &= ~cleared;
  cpu.modeChanged();
}

/** A stack pointer of the 64-bit TSS, into (cpu.low, cpu.high). */
export function readStackPointer(cpu: CpuCore, offset: number, external: number): void {
  const { memory, other, state } = cpu;
  if (offset + 7 > state.limit(Segment.tr)) cpu.raise(Vector.ts, (state.selector(Segment.tr) & 0xfffc) | external);
  const { addressLow, addressHigh } = other;
  address(cpu, Segment.tr, offset, other);
  cpu.low = memory.read64(other.addressLow, other.addressHigh, Access.implicit);
  cpu.high = memory.upper;
  other.addressLow = addressLow;
  other.addressHigh = addressHigh;
}
