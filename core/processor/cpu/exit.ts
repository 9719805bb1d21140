import { state as layout } from '../state/layout.ts';
import { Access } from '../state/leave.ts';
import type { StateBlock } from '../state/state-block.ts';

/**
 * What a bare CPU asks of whoever runs it: the exits of `Cpu.run`. A CPU in guest mode (SVM, VMX) never makes these for its guest:
 * there the hypervisor's intercepts decide, and the exit is `vmexit`.
 */
export type CpuExit =
  /** The budget is used up. */
  | { readonly reason: 'budget' }
  /** HLT (or MWAIT) retired and no event is deliverable. */
  | { readonly reason: 'halt' }
  /** An access to physical memory that is no RAM; the instruction has not happened. */
  | { readonly reason: 'mmio'; readonly address: number; readonly write: boolean }
  /** An access to physical memory that does not grant it (one Access bit: read, write, execute); the instruction or event has not happened. */
  | { readonly reason: 'guarded'; readonly address: number; readonly access: number }
  /** IN, OUT, INS, OUTS: permission is checked, the instruction has not happened. */
  | {
      readonly reason: 'io';
      readonly port: number;
      readonly size: 1 | 2 | 4;
      readonly input: boolean;
      readonly string: boolean;
      readonly repeat: boolean;
      readonly addressWidth: 16 | 32 | 64;
      readonly segment: number;
      readonly length: number;
    }
  /** An MSR that the CPU itself does not have; the instruction has not happened. */
  | { readonly reason: 'msr'; readonly index: number; readonly write: boolean }
  /**
   * A breakpoint of whoever runs the CPU, by its place in the list given (`Mmu.setHostBreakpoints`): one on code before its instruction, one on
   * data after the instruction, or the iteration of a REP, that has met it.
   */
  | { readonly reason: 'breakpoint'; readonly index: number }
  /** WRMSR has set the time-stamp counter: timers may wait for it. */
  | { readonly reason: 'timestamp' }
  /** PAUSE has retired, where `leavesAtPause` is set. Within a guest too: it is not the hypervisor's affair. */
  | { readonly reason: 'pause' }
  /** The CPU has left guest mode and stands in its host again. */
  | { readonly reason: 'vmexit' }
  | { readonly reason: 'shutdown' };

/** The physical address that `Leave.mmio` or `Leave.guarded` speaks of. */
export const leaveAddress = (state: StateBlock): number =>
  (state.low(layout.leaveAddress.offset) >>> 0) + (state.high(layout.leaveAddress.offset) >>> 0) * 2 ** 32;

/** The exit after `Leave.guarded`. */
export function guardedExit(state: StateBlock): CpuExit {
  const access = state.get32(layout.leaveAccess.offset) & (Access.read | Access.write | Access.execute);
  return { reason: 'guarded', address: leaveAddress(state), access };
}
