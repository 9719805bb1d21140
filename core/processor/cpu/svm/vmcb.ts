/** The virtual machine control block (APM vol. 2, appendix B): byte offsets and bits. A page of the host's physical memory. */

/** The control area. The first six words are the intercepts: bit n of all of them together has exit code n. */
export const Control = {
  intercepts: 0x000,
  pauseThreshold: 0x03c,
  iopmBase: 0x040,
  msrpmBase: 0x048,
  tscOffset: 0x050,
  asid: 0x058,
  tlbControl: 0x05c,
  virtualInterrupt: 0x060,
  interruptShadow: 0x068,
  exitCode: 0x070,
  exitInfo1: 0x078,
  exitInfo2: 0x080,
  exitInterruptInfo: 0x088,
  nestedControl: 0x090,
  eventInjection: 0x0a8,
  nestedRoot: 0x0b0,
  nextRip: 0x0c8,
  /** Number of instruction bytes, and the bytes. */
  fetched: 0x0d0,
} as const;

/** The state save area. Segments are {selector u16, attributes u16, limit u32, base u64}. */
export const Save = {
  es: 0x400,
  cs: 0x410,
  ss: 0x420,
  ds: 0x430,
  fs: 0x440,
  gs: 0x450,
  gdtr: 0x460,
  ldtr: 0x470,
  idtr: 0x480,
  tr: 0x490,
  /** A byte. */
  cpl: 0x4cb,
  efer: 0x4d0,
  cr4: 0x548,
  cr3: 0x550,
  cr0: 0x558,
  dr7: 0x560,
  dr6: 0x568,
  rflags: 0x570,
  rip: 0x578,
  rsp: 0x5d8,
  rax: 0x5f8,
  star: 0x600,
  lstar: 0x608,
  cstar: 0x610,
  sfmask: 0x618,
  kernelGsBase: 0x620,
  sysenterCs: 0x628,
  sysenterEsp: 0x630,
  sysenterEip: 0x638,
  cr2: 0x640,
  pat: 0x668,
} as const;

/** The low half of the V_INTR word; the vector is in the high one. */
export const VirtualInterrupt = {
  taskPriority: 0xff,
  irq: 1 << 8,
  /** V_GIF, if enabled by V_GIF_ENABLE. */
  gif: 1 << 9,
  ignoreTaskPriority: 1 << 20,
  masking: 1 << 24,
  gifEnable: 1 << 25,
} as const;

export const priorityOf = (word: number): number => (word >>> 16) & 0xf;

export const TlbControl = { none: 0, flushAll: 1, flushGuest: 3, flushGuestNonGlobal: 7 } as const;

/** EVENTINJ and EXITINTINFO: low half; the error code is in the high one. */
export const EventInfo = { hasError: 1 << 11, valid: 1 << 31 } as const;
export const InjectionType = { external: 0, nmi: 2, exception: 3, software: 4 } as const;
export const injectionType = (info: number): number => (info >>> 8) & 7;

/** EXITINFO1 of nested page faults, high half: where the walk was. */
export const NestedFaultPlace = { final: 1 << 0, table: 1 << 1 } as const;
