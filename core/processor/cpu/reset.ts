/** The state after power-on and after INIT (SDM vol. 3, table 10-1; APM vol. 2, section 14.1). */

import { state as layout, Segment, x87Offset, xmmOffset } from '../state/layout.ts';
import { dr6Fixed, dr7Fixed, Gpr } from '../state/registers.ts';
import type { CpuCore } from './core.ts';
import { Activity } from './core.ts';
import { realAttributes } from './segment-load.ts';

/** Writable-combining choices of PAT after reset: WB, WT, UC-, UC, twice. */
const patReset = 0x0007_0406;
const ldtAttributes = 0x82;
const busyTaskAttributes = 0x8b;

/** What the engine, and who runs the processor, have put into the block: no state of the processor. */
const engineFields = [layout.codeCounters, layout.codeTables, layout.leavesAtPause];

export function powerOn(cpu: CpuCore): void {
  const { state } = cpu;
  const kept = engineFields.map(field => state.get(field));
  state.clear();
  engineFields.forEach((field, n) => {
    state.set(field, kept[n]);
  });
  state.set64(layout.pat.offset, patReset, patReset);
  state.set16(layout.fcw.offset, 0x40);
  state.set8(layout.x87Tags.offset, 0xff);
  for (let n = 0; n < 8; n++) state.u8.fill(0, x87Offset(n), x87Offset(n) + 16);
  state.u8.fill(0, xmmOffset(0), xmmOffset(16));
  state.set32(layout.mxcsr.offset, 0x1f80);
  state.set64(layout.xcr0.offset, 1, 0);
  init(cpu);
  state.cr0 = 0x6000_0010;
  cpu.activity = Activity.running;
}

/** INIT keeps MSRs, FPU state, CD and NW; the processor then stands at the reset vector. */
export function init(cpu: CpuCore): void {
  const { state } = cpu;
  for (let n = 0; n < 16; n++) state.setGpr(n, 64, 0, 0);
  const signature = cpu.model.leaves.find(({ leaf }) => leaf === 1)?.eax ?? 0;
  state.setGpr(Gpr.rdx, 32, signature, 0);
  state.setRip(0xfff0, 0);
  state.flags = 2;
  state.setSegment(Segment.cs, 0xf000, realAttributes | 8, 0xffff, 0xffff_0000 | 0, 0);
  for (const segment of [Segment.es, Segment.ss, Segment.ds, Segment.fs, Segment.gs])
    state.setSegment(segment, 0, realAttributes, 0xffff, 0, 0);
  state.setSegment(Segment.gdtr, 0, 0, 0xffff, 0, 0);
  state.setSegment(Segment.idtr, 0, 0, 0xffff, 0, 0);
  state.setSegment(Segment.ldtr, 0, ldtAttributes, 0xffff, 0, 0);
  state.setSegment(Segment.tr, 0, busyTaskAttributes, 0xffff, 0, 0);
  const { offset } = layout.cr0;
  state.set64(offset, (state.low(offset) & 0x6000_0000) | 0x10, 0);
  for (const register of [
    layout.cr2,
    layout.cr3,
    layout.cr4,
    layout.efer,
    layout.dr0,
    layout.dr1,
    layout.dr2,
    layout.dr3,
  ])
    state.set64(register.offset, 0, 0);
  cpu.taskPriority = 0;
  state.set64(layout.dr6.offset, dr6Fixed, 0);
  state.set64(layout.dr7.offset, dr7Fixed, 0);
  state.interruptShadow = 0;
  state.cpl = 0;
  cpu.nmiBlocked = false;
  cpu.pendingDebug = 0;
  cpu.delivering.type = -1;
  cpu.derive();
  cpu.translation.flushAll();
}

/** A startup IPI: real mode at vector × 4 KiB. */
export function startUp(cpu: CpuCore, vector: number): void {
  const { state } = cpu;
  state.setSegment(Segment.cs, vector << 8, realAttributes | 8, 0xffff, vector << 12, 0);
  state.setRip(0, 0);
  cpu.activity = Activity.running;
  cpu.modeChanged();
}
