/** What the driver intercepts (APM vol. 2, section 15.9). Control and debug registers and exceptions are the guest's own under nested paging. */
const bits = (...positions: number[]): number => positions.reduce((mask, bit) => mask | (1 << bit), 0);

/** INTR NMI INIT RDPMC CPUID RSM INVD HLT INVLPGA IOIO MSR FERR_FREEZE SHUTDOWN */
export const misc1 = bits(0, 1, 3, 15, 18, 19, 22, 24, 26, 27, 28, 30, 31);
/** VMRUN VMMCALL VMLOAD VMSAVE STGI CLGI SKINIT RDTSCP MONITOR MWAIT XSETBV RDPRU */
export const misc2 = bits(0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14);
/** INVLPGB INVLPGB_ILLEGAL INVPCID MCOMMIT TLBSYNC */
export const misc3 = bits(0, 1, 2, 3, 4);

export const vintr = 1 << 4;
export const iret = 1 << 20;
/** In misc1. */
export const pauseIntercept = 1 << 23;
/** Trap after a write of CR8, in misc2. */
export const taskPriorityWrite = 1 << 24;

/** The exception intercepts; an NMI is no exception. */
export const everyException = ~(1 << 2);

/** Of the exception intercepts. */
export const debugException = 1 << 1;
/** Reads and writes of all debug registers. */
export const everyDebugRegister = -1;

export const ExitCode = {
  readDebug: 0x20,
  writeDebug: 0x30,
  exception: 0x40,
  debug: 0x41,
  intr: 0x60,
  nmi: 0x61,
  vintr: 0x64,
  rdpmc: 0x6f,
  cpuid: 0x72,
  rsm: 0x73,
  iret: 0x74,
  invd: 0x76,
  pause: 0x77,
  hlt: 0x78,
  invlpga: 0x7a,
  ioio: 0x7b,
  msr: 0x7c,
  shutdown: 0x7f,
  vmrun: 0x80,
  vmmcall: 0x81,
  vmload: 0x82,
  vmsave: 0x83,
  stgi: 0x84,
  clgi: 0x85,
  skinit: 0x86,
  rdtscp: 0x87,
  monitor: 0x8a,
  mwait: 0x8b,
  mwaitArmed: 0x8c,
  xsetbv: 0x8d,
  rdpru: 0x8e,
  taskPriorityWritten: 0x98,
  invlpgb: 0xa0,
  invlpgbIllegal: 0xa1,
  invpcid: 0xa2,
  mcommit: 0xa3,
  tlbsync: 0xa4,
  npf: 0x400,
} as const;
