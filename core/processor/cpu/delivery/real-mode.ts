/** Interrupts and exceptions in real mode, and in virtual-8086 mode where VME redirects INT n (SDM vol. 3, sections 21.1 and 21.3). */
import { Segment } from '../../state/layout.ts';
import { Access } from '../../state/leave.ts';
import { Flag, Vector } from '../../state/registers.ts';
import type { CpuCore } from '../core.ts';
import { loadRealSegment } from '../segment-load.ts';
import type { StackFrame } from '../stack-frame.ts';

export function deliverReal(cpu: CpuCore, frame: StackFrame, vector: number, flags: number): void {
  const { memory, state } = cpu;
  const virtual = cpu.isVirtual8086;
  if (!virtual && vector * 4 + 3 > state.limit(Segment.idtr)) cpu.raise(Vector.gp, 0);
  const entry = virtual ? vector * 4 : (state.baseLow(Segment.idtr) + vector * 4) | 0;
  const target = memory.read32(entry, 0, Access.implicit);
  frame.current(cpu, 16);
  frame.push(flags);
  frame.push(state.selector(Segment.cs));
  frame.push(state.ripLow);
  frame.commit();
  loadRealSegment(cpu, Segment.cs, target >>> 16);
  state.setRip(target & 0xffff, 0);
  const interrupts = virtual && cpu.iopl < 3 ? Flag.vif : Flag.if;
  state.systemFlags &= ~(Flag.tf | interrupts | (virtual ? 0 : Flag.ac | Flag.rf));
  cpu.modeChanged();
}
