import type { Breakpoint } from './breakpoint.ts';

/**
 * Why `VirtualProcessor.run` returned. Port, memory-mapped and MSR accesses, CPUID and interrupt injection are served inside `run`
 * by the buses and controllers that the machine was created with, so that these few remain.
 */
export type Exit =
  /** The pacer has no instructions left. */
  | { readonly reason: 'limit' }
  /** `cancel` was called. */
  | { readonly reason: 'cancelled' }
  /** HLT retired and nothing deliverable is pending. */
  | { readonly reason: 'halt' }
  /** PAUSE retired, and the machine was created with `exitOnPause`. */
  | { readonly reason: 'pause' }
  /** A page does not grant an access of the processor: see `VirtualMachine.protect`. `access` is one of MapAccess.read, write, execute. */
  | { readonly reason: 'protection'; readonly gpa: number; readonly access: 1 | 2 | 4 }
  /** `step` has executed its instruction. */
  | { readonly reason: 'step' }
  /** A breakpoint of `setBreakpoints` was met: one on code before its instruction is executed, one on data after the instruction. */
  | { readonly reason: 'breakpoint'; readonly breakpoint: Breakpoint }
  /** Triple fault. */
  | { readonly reason: 'shutdown' }
  /** The accelerator gave up on the guest; `code` is the backend's own (EXITCODE, exit reason, VM-instruction error). */
  | { readonly reason: 'error'; readonly code: number; readonly message: string };
