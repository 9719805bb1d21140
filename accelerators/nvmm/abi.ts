/**
 * What the kernel half and the user half of NVMM share (nvmm.h, nvmm_x86.h, API level 2): numbers, limits, and the layout of the
 * comm page through which a VCPU's state moves.
 */

export const nvmmVersion = 2;

export const Limit = {
  machines: 128,
  vcpus: 256,
  hostMappings: 32,
  /** Bytes of guest-physical space. */
  ram: 128 * 2 ** 30,
  cpuidOverrides: 32,
  /** DR0 to DR3. */
  breakpoints: 4,
} as const;

/** One 4 KiB page for each VCPU, shared by both halves. Byte offsets. */
export const Comm = {
  stateWanted: 0,
  stateCached: 8,
  stateCommit: 16,
  state: 32,
  eventCommit: 1040,
  eventType: 1048,
  eventVector: 1052,
  eventError: 1056,
  stop: 1064,
  /** Ours, beyond what NetBSD's page has: upper halves of YMM registers. */
  vector: 2048,
} as const;

/** Offsets within the 1008 bytes of x64 state. */
export const X64State = {
  size: 1008,
  segs: 0,
  gprs: 160,
  crs: 304,
  drs: 352,
  msrs: 400,
  intr: 488,
  fpu: 496,
} as const;

/** Components of the state, as flags. */
export const StateFlag = {
  segs: 0x01,
  gprs: 0x02,
  crs: 0x04,
  drs: 0x08,
  msrs: 0x10,
  intr: 0x20,
  fpu: 0x40,
  all: 0x7f,
  /** Ours: upper halves of YMM registers. */
  vector: 0x80,
} as const;

export const Seg = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5, gdt: 6, idt: 7, ldt: 8, tr: 9 } as const;
export const Gpr = { rax: 0, rcx: 1, rdx: 2, rbx: 3, rsp: 4, rbp: 5, rsi: 6, rdi: 7, rip: 16, rflags: 17 } as const;
export const Cr = { cr0: 0, cr2: 1, cr3: 2, cr4: 3, cr8: 4, xcr0: 5 } as const;
export const Dr = { dr0: 0, dr1: 1, dr2: 2, dr3: 3, dr6: 4, dr7: 5 } as const;
export const Msr = {
  efer: 0,
  star: 1,
  lstar: 2,
  cstar: 3,
  sfmask: 4,
  kernelGsBase: 5,
  sysenterCs: 6,
  sysenterEsp: 7,
  sysenterEip: 8,
  pat: 9,
  tsc: 10,
} as const;
/** `debugPending` is ours, on VMX: a debug exception is held over MOV SS. As with `eventPending`, a state without it takes it back. */
export const Intr = { shadow: 1, windowExiting: 2, nmiWindowExiting: 4, eventPending: 8, debugPending: 16 } as const;

export const ExitReason = {
  none: 0,
  memory: 0x1,
  io: 0x2,
  shutdown: 0x1000,
  interruptReady: 0x1001,
  nmiReady: 0x1002,
  halted: 0x1003,
  tprChanged: 0x1004,
  // Ours.
  timestampChanged: 0x1100,
  /** An x87 exception with CR0.NE clear, of which the CPU knows nothing: the instruction goes on (`assistMem`). */
  numericError: 0x1101,
  /** PAUSE has been executed. */
  pause: 0x1102,
  /** A breakpoint of `VcpuConf.debug` was met; nobody else knows of it. */
  debug: 0x1103,
  rdmsr: 0x2000,
  wrmsr: 0x2001,
  monitor: 0x2002,
  mwait: 0x2003,
  cpuid: 0x2004,
  // The highest of 64 bits, as signed numbers.
  stopped: -2,
  invalid: -1,
} as const;

/** `fault` is ours: what an instruction raised that an assist has executed; NVMM's own exceptions leave out 0, 2 and 3. */
export const EventType = { exception: 0, interrupt: 1, fault: 1000 } as const;

/** PROT_* of gpa_map and of MEMORY exits. */
export const Prot = { read: 1, write: 2, execute: 4 } as const;
/** NVMM_PROT_* of gva_to_gpa and gpa_to_hva. */
export const NvmmProt = { read: 1, write: 2, execute: 4, user: 8, all: 15 } as const;

/**
 * Four are ours. `everyCpuid`: all leaves without an override of their own exit to the emulator, since 32 overrides are no CPU model.
 * `timestamp`: an exit follows a guest's write to its time-stamp counter, as one follows a write to its TPR. `pause`: an exit follows PAUSE,
 * by which an emulator that runs several VCPUs in one thread knows that one waits for another. `debug`: the emulator's breakpoints are in the
 * processor's debug registers instead of the guest's, which reads back its own and does not break at them meanwhile (KVM_SET_GUEST_DEBUG).
 */
export const VcpuConf = {
  callbacks: 0,
  cpuid: 200,
  tpr: 201,
  everyCpuid: 1000,
  timestamp: 1001,
  pause: 1002,
  debug: 1003,
} as const;

/** Operations of nvmm_ctl(3). */
export const Ctl = { machineInfo: 0 } as const;

/** `machid` goes in, the rest comes out. */
export interface CtlMachineInfo {
  readonly machid: number;
  vcpus?: number;
  /** Sum of the host mappings, in bytes. */
  ram?: number;
  pid?: number;
  /** Seconds since the epoch. */
  time?: number;
}

export interface Capability {
  version: number;
  stateSize: number;
  maxMachines: number;
  maxVcpus: number;
  maxRam: number;
  arch: {
    machConfSupport: number;
    vcpuConfSupport: number;
    xcr0Mask: bigint;
    mxcsrMask: number;
    confCpuidMaxops: number;
  };
}

export interface CpuidRegisters {
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

/** NVMM_VCPU_CONF_CPUID: override one leaf (all its subleaves), or hand it to the emulator. Neither: back to the default. */
export interface CpuidConf {
  readonly mask: boolean;
  readonly exit: boolean;
  readonly leaf: number;
  readonly set?: CpuidRegisters;
  readonly del?: CpuidRegisters;
}

export interface EveryCpuidConf {
  readonly exit: boolean;
}

export interface TprConf {
  readonly exitChanged: boolean;
}

export interface PauseConf {
  readonly exit: boolean;
}
/** Without any that is enabled in `control` the guest has its debug registers again. */
export interface DebugConf {
  /** DR0 to DR3. */
  readonly addresses: readonly bigint[];
  /** DR7. */
  readonly control: number;
}
export interface TimestampConf {
  readonly exitChanged: boolean;
}

/**
 * The exit structure of a VCPU, filled in place by every run: `reason` says which of the other fields mean anything. 64-bit
 * instruction pointers are (low, high) pairs, so that an exit allocates nothing.
 */
export class VcpuExit {
  reason: number = ExitReason.none;

  /** MEMORY: exactly one Prot bit. */
  prot = 0;
  gpa = 0;
  instLen = 0;
  readonly instBytes: Uint8Array = new Uint8Array(15);

  /** IO. `seg` is -1 where the backend cannot know it. */
  in = false;
  port = 0;
  seg = -1;
  addressSize = 0;
  operandSize = 0;
  rep = false;
  str = false;

  /** RDMSR, WRMSR. */
  msr = 0;
  valueLow = 0;
  valueHigh = 0;

  /** IO, MSR, MONITOR, MWAIT, CPUID: the next instruction. */
  npcLow = 0;
  npcHigh = 0;

  /**
   * MEMORY with `state.eventPending`, ours: the event whose delivery was interrupted, since an assist has to finish it. Types as
   * `EventType` of the core numbers them; `eventError` is -1 for none.
   */
  eventType = 0;
  eventVector = 0;
  eventError = -1;

  /** DEBUG: number of the debug register; the lowest, where several are met. */
  breakpoint = 0;

  /** INVALID: raw SVM EXITCODE or VMX basic exit reason; all ones for a failed VM instruction. */
  hwcode = 0;

  /** EXITINTINFO and IDT-vectoring information look alike. */
  noteEvent(info: number, error: number): void {
    this.eventType = (info >>> 8) & 7;
    this.eventVector = info & 0xff;
    this.eventError = info & (1 << 11) ? error : -1;
  }

  /** The few values that are needed after every exit. */
  readonly state = {
    rflags: 0,
    cr8: 0,
    interruptShadow: false,
    interruptWindow: false,
    nmiWindow: false,
    eventPending: false,
  };
}
