/** How helpers answer generated code, and how generated code answers the run loop. */

/** What a helper returns. */
export const Status = {
  /** Done; go on with the next effect. */
  done: 0,
  /** A fault is in faultVector, faultError, faultAddress: the instruction aborts, not retired. */
  fault: 1,
  /** Done and retired; RIP, mode or context changed (state.rip holds where to go on). */
  transferred: 2,
  /** Done and retired (state.rip is set); generated code must return to the run loop: `leave` says why. */
  leave: 3,
  /** Not done, not retired; generated code must return to the run loop: `leave` says why (an intercept, MMIO, port I/O of an exit). */
  exit: 4,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

/** Why generated code returned: the `leave` field. */
export const Leave = {
  budget: 0,
  /** A fault to deliver. */
  fault: 1,
  /** An access to physical memory that is no RAM: leaveAddress = physical address, leaveAccess = Access bits. */
  mmio: 2,
  /** A write to a page with decoded code: leaveAddress = where in linear memory, leaveAccess = how many bytes. Invalidate, then execute again. */
  codeWrite: 3,
  /** Events may have become deliverable (STI, IRET, MOV CR8 …). */
  events: 4,
  /** HLT retired. */
  halt: 5,
  /** Port I/O on bare metal: the run loop's caller performs it (core/processor/cpu/exit.ts describes the operands). */
  io: 6,
  /** RDMSR or WRMSR of an MSR that the CPU itself does not have. */
  msr: 7,
  /** Left guest mode: a #VMEXIT or VM exit has been performed. */
  vmexit: 8,
  /** Triple fault. */
  shutdown: 9,
  /** VMRUN, VMLAUNCH or VMRESUME entered guest mode, or the time-stamp counter's basis changed: budget must be computed anew. */
  world: 10,
  /** A REP ran for long without retiring: breathe and come back. */
  spin: 11,
  /** Memory does not grant this access, and who runs the CPU wants to know: fields as `mmio` has them. The instruction has not happened. */
  guarded: 12,
  /** In a guest: nested paging stopped an access (core/processor/mmu/nested-paging.ts has the fault). The instruction has not happened. */
  nestedFault: 13,
  /** A breakpoint register watches this page: the run loop must execute the instruction alone. It has not happened. */
  step: 14,
  /** MWAIT retired with its monitor armed. */
  wait: 15,
  /** WRMSR of the time-stamp counter retired. */
  timestamp: 16,
  /** A dear helper has been put off, since whoever runs the CPU wants it back. The instruction has not happened. */
  breath: 18,
  /** PAUSE retired, and whoever runs the CPU wants to know. */
  pause: 17,
} as const;
export type Leave = (typeof Leave)[keyof typeof Leave];

/** Access bits, as MMU and exits use them. */
export const Access = {
  read: 1,
  write: 2,
  execute: 4,
  user: 8,
  /** Made by the processor for itself: descriptor tables, TSS, event delivery. */ implicit: 16,
} as const;
