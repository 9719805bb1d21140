/** Basic exit reasons (SDM vol. 3, appendix C), VM-instruction errors (section 31.4) and VMX aborts (section 28.7). */

export const Reason = {
  exception: 0,
  externalInterrupt: 1,
  tripleFault: 2,
  init: 3,
  startup: 4,
  interruptWindow: 7,
  nmiWindow: 8,
  taskSwitch: 9,
  cpuid: 10,
  hlt: 12,
  invd: 13,
  invlpg: 14,
  rdpmc: 15,
  rdtsc: 16,
  vmcall: 18,
  vmclear: 19,
  vmlaunch: 20,
  vmptrld: 21,
  vmptrst: 22,
  vmread: 23,
  vmresume: 24,
  vmwrite: 25,
  vmxoff: 26,
  vmxon: 27,
  controlRegister: 28,
  debugRegister: 29,
  io: 30,
  rdmsr: 31,
  wrmsr: 32,
  guestState: 33,
  msrLoad: 34,
  mwait: 36,
  monitorTrap: 37,
  monitor: 39,
  pause: 40,
  tableRegisters: 46,
  localTables: 47,
  eptViolation: 48,
  eptMisconfiguration: 49,
  invept: 50,
  rdtscp: 51,
  preemptionTimer: 52,
  invvpid: 53,
  wbinvd: 54,
  xsetbv: 55,
  rdrand: 57,
  invpcid: 58,
  rdseed: 61,
} as const;

/** Bit 31 of the exit reason: the entry failed. */
export const entryFailure = 1 << 31;

export const InstructionError = {
  vmcallInRoot: 1,
  vmclearAddress: 2,
  vmclearVmxonPointer: 3,
  launchNotClear: 4,
  resumeNotLaunched: 5,
  controls: 7,
  host: 8,
  vmptrldAddress: 9,
  vmptrldVmxonPointer: 10,
  vmptrldRevision: 11,
  unsupportedField: 12,
  readOnlyField: 13,
  vmxonInRoot: 15,
  stackShadow: 26,
  invalidation: 28,
} as const;

export const Abort = { storeMsr: 1, hostPdptes: 2, corrupted: 3, loadMsr: 4 } as const;

/** Interruption information: type in bits 10:8, and more (section 25.8.3). */
export const Interruption = { errorValid: 1 << 11, nmiUnblocking: 1 << 12, valid: 1 << 31 } as const;

/** Guest interruptibility and activity (sections 25.4.2). */
export const Interruptibility = { sti: 1, stackShadow: 2, smi: 4, nmi: 8 } as const;
export const GuestActivity = { active: 0, hlt: 1, shutdown: 2, waitForStartup: 3 } as const;

/** Pending debug exceptions: an enabled breakpoint was met. */
export const PendingDebug = { conditions: 0xf, enabled: 1 << 12, step: 1 << 14 } as const;

/** Access rights bit of a segment that cannot be used. */
export const unusable = 1 << 16;
