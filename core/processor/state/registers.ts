/** Names and bits of the architectural registers (SDM vol. 3, chapter 2; APM vol. 2, chapter 3). Only the low 32 bits of a register are defined here. */

/** In hardware encoding order. */
export const gprNames = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
] as const;
export type GprName = (typeof gprNames)[number];

/** In the order of core/processor/state/layout.ts `Segment`. */
export const segmentNames = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'gdtr', 'idtr', 'ldtr', 'tr'] as const;
export type SegmentName = (typeof segmentNames)[number];

export const Gpr = { rax: 0, rcx: 1, rdx: 2, rbx: 3, rsp: 4, rbp: 5, rsi: 6, rdi: 7 } as const;

/** The position of a single bit. */
export const bitOf = (mask: number): number => 31 - Math.clz32(mask);

export const Flag = {
  cf: 1 << 0,
  fixed: 1 << 1,
  pf: 1 << 2,
  af: 1 << 4,
  zf: 1 << 6,
  sf: 1 << 7,
  tf: 1 << 8,
  if: 1 << 9,
  df: 1 << 10,
  of: 1 << 11,
  iopl: 3 << 12,
  nt: 1 << 14,
  rf: 1 << 16,
  vm: 1 << 17,
  ac: 1 << 18,
  vif: 1 << 19,
  vip: 1 << 20,
  id: 1 << 21,
} as const;

/** No interrupt before the end of the next instruction; after MOV SS and POP SS no debug trap either. */
export const InterruptShadow = { none: 0, sti: 1, stack: 2 } as const;
/**
 * The kind of an interrupt shadow, guessed from RFLAGS where the hardware state does not record it. STI opens a shadow only when it sets IF; if
 * TF is set, its trap has ended the shadow.
 */
export const shadowBy = (flags: number): number =>
  (flags & (Flag.if | Flag.tf)) === Flag.if ? InterruptShadow.sti : InterruptShadow.stack;

/** CF PF AF ZF SF OF. */
export const arithmeticFlags = Flag.cf | Flag.pf | Flag.af | Flag.zf | Flag.sf | Flag.of;
/** Every RFLAGS bit that exists, apart from the arithmetic ones and the fixed one. */
export const systemFlags = 0x3f_7700;

export const Cr0 = {
  pe: 1 << 0,
  mp: 1 << 1,
  em: 1 << 2,
  ts: 1 << 3,
  et: 1 << 4,
  ne: 1 << 5,
  wp: 1 << 16,
  am: 1 << 18,
  nw: 1 << 29,
  cd: 1 << 30,
  pg: 1 << 31,
} as const;

export const Cr4 = {
  vme: 1 << 0,
  pvi: 1 << 1,
  tsd: 1 << 2,
  de: 1 << 3,
  pse: 1 << 4,
  pae: 1 << 5,
  mce: 1 << 6,
  pge: 1 << 7,
  pce: 1 << 8,
  osfxsr: 1 << 9,
  osxmmexcpt: 1 << 10,
  umip: 1 << 11,
  la57: 1 << 12,
  vmxe: 1 << 13,
  smxe: 1 << 14,
  fsgsbase: 1 << 16,
  pcide: 1 << 17,
  osxsave: 1 << 18,
  smep: 1 << 20,
  smap: 1 << 21,
} as const;

/** State components of XSAVE. */
export const Xcr0 = { x87: 1 << 0, sse: 1 << 1, avx: 1 << 2 } as const;

export const Efer = {
  sce: 1 << 0,
  lme: 1 << 8,
  lma: 1 << 10,
  nxe: 1 << 11,
  svme: 1 << 12,
  lmsle: 1 << 13,
  ffxsr: 1 << 14,
  tce: 1 << 15,
} as const;
/** What page tables mean depends on these. */
export const eferPaging = Efer.lme | Efer.lma | Efer.nxe;

/** DR6 as it reads without any condition; DR7 bit 10 reads as one. */
export const dr6Fixed = 0xffff_0ff0 | 0;
export const dr7Fixed = 0x400;
export const Dr6 = { bd: 1 << 13, bs: 1 << 14, bt: 1 << 15 } as const;
export const Dr7 = { gd: 1 << 13 } as const;
/** DEBUGCTL: last-branch records; single step on branches. */
export const DebugControl = { lbr: 1 << 0, btf: 1 << 1 } as const;

/** Bits of the packed segment attributes (core/processor/state/layout.ts). */
export const Attribute = {
  type: 0xf,
  accessed: 1 << 0,
  /** Data segments: writable. Code segments: readable. */
  writable: 1 << 1,
  readable: 1 << 1,
  expandDown: 1 << 2,
  conforming: 1 << 2,
  code: 1 << 3,
  /** S: a code or data segment, no system one. */
  segment: 1 << 4,
  dpl: 3 << 5,
  present: 1 << 7,
  available: 1 << 8,
  long: 1 << 9,
  big: 1 << 10,
  granular: 1 << 11,
} as const;

export const dplOf = (attributes: number): number => (attributes >> 5) & 3;

/** Exception vectors (SDM vol. 3, table 7-1; APM vol. 2, table 8-1). */
export const Vector = {
  de: 0,
  db: 1,
  nmi: 2,
  bp: 3,
  of: 4,
  br: 5,
  ud: 6,
  nm: 7,
  df: 8,
  ts: 10,
  np: 11,
  ss: 12,
  gp: 13,
  pf: 14,
  mf: 16,
  ac: 17,
  mc: 18,
  xm: 19,
} as const;

/**
 * The exceptions that push an error code, on processors with neither CET (#CP, 21) nor SEV-ES (#VC, 29) nor SKINIT (#SX, 30): there these three
 * vectors are reserved, and a VM entry that would push an error code for one of them fails (SDM vol. 3, section 27.2.1.3). A processor with
 * one of these features has its vector here.
 */
const vectorsWithErrorCode: readonly number[] = [
  Vector.df,
  Vector.ts,
  Vector.np,
  Vector.ss,
  Vector.gp,
  Vector.pf,
  Vector.ac,
];
const errorCodeMask = vectorsWithErrorCode.reduce((mask, vector) => mask | (1 << vector), 0);

/** Whether the exception pushes an error code outside real mode. False for vectors above 31, which are interrupts. */
export const hasErrorCode = (vector: number): boolean => vector < 32 && ((errorCodeMask >>> vector) & 1) !== 0;
