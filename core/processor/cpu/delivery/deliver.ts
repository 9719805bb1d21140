/** Delivery of one event by the mode that the CPU is in. */
import { Segment } from '../../state/layout.ts';
import { Access } from '../../state/leave.ts';
import { Cr4, Flag, Vector } from '../../state/registers.ts';
import { recordEvent } from '../branches.ts';
import type { CpuCore } from '../core.ts';
import { EventType } from '../virtualization.ts';
import { deliverLong } from './long-mode.ts';
import { deliverProtected } from './protected-mode.ts';
import { deliverReal } from './real-mode.ts';

/**
 * Delivers an event through the IDT: state.rip is the return address. Throws the CPU's GuestFault, with nothing changed (but for a
 * task switch under way), if that faults; `cpu.delivering` is set while it lasts and stays set after a fault.
 */
export function deliver(cpu: CpuCore, vector: number, type: number, error: number, length = 0): void {
  const { delivering, state } = cpu;
  cpu.nmiUnblocking = false;
  delivering.type = type;
  delivering.vector = vector;
  delivering.error = error;
  delivering.length = length;
  const software = type === EventType.software || type === EventType.softwareException;
  const external = type === EventType.software || type === EventType.softwareException ? 0 : 1;
  const flags = savedFlags(cpu, vector, type);
  const { frame } = cpu;
  const { ripLow, ripHigh } = state;
  if (cpu.isLong) deliverLong(cpu, frame, vector, external, software, error, flags);
  else if (!cpu.isProtected && !cpu.isVirtual8086) deliverReal(cpu, frame, vector, flags);
  else if (type === EventType.software && cpu.isVirtual8086 && redirected(cpu, vector)) {
    const virtual = cpu.iopl === 3 ? flags : virtualImage(flags);
    deliverReal(cpu, frame, vector, virtual);
  } else deliverProtected(cpu, frame, vector, external, software, error, flags);
  delivering.type = -1;
  state.interruptShadow = 0;
  // All are recorded but debug exceptions.
  if (vector === Vector.db && type !== EventType.software) return;
  // INT n and its like: from the instruction, not from where it returns to.
  const fromLow = (ripLow - length) | 0;
  recordEvent(cpu, fromLow, fromLow >>> 0 > ripLow >>> 0 ? (ripHigh - 1) | 0 : ripHigh);
}

/** RF is set in the image that a fault saves, so that its instruction breakpoint does not fire again; debug exceptions apart. */
function savedFlags(cpu: CpuCore, vector: number, type: number): number {
  const { flags } = cpu.state;
  return type === EventType.exception && vector !== Vector.db ? flags | Flag.rf : flags;
}

/** IF shows VIF, and IOPL reads as 3. */
export const virtualImage = (flags: number): number =>
  (flags & ~Flag.if) | ((flags & Flag.vif) !== 0 ? Flag.if : 0) | Flag.iopl;

/**
 * INT n in virtual-8086 mode: whether the interrupt redirection bitmap of the TSS sends it to the program's own handler (SDM vol. 3,
 * section 21.3.3). #GP(0) where IOPL forbids INT n.
 */
function redirected(cpu: CpuCore, vector: number): boolean {
  const { memory, state } = cpu;
  const extended = (state.cr4 & Cr4.vme) !== 0;
  let own = false;
  if (extended) {
    const limit = state.limit(Segment.tr);
    const tss = state.baseLow(Segment.tr);
    if (limit >= 0x67) {
      const map = memory.read16((tss + 0x66) | 0, 0, Access.implicit);
      const at = map - 32 + (vector >> 3);
      if (at >= 0 && at <= limit) own = ((memory.read8((tss + at) | 0, 0, Access.implicit) >> (vector & 7)) & 1) === 0;
    }
  }
  if (cpu.iopl < 3 && !own) cpu.raise(Vector.gp, 0);
  return own;
}
