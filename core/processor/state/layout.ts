/**
 * The layout of one CPU's block in the host's linear memory: each register's name, width and offset, written once.
 * Interpreter, JIT, evaluator, helpers, snapshots and tests all read this table. Offsets are relative to the block's base,
 * which is a parameter of all generated code.
 */

export interface Field {
  readonly offset: number;
  /** Width in bits. */
  readonly width: 8 | 16 | 32 | 64 | 128;
}

const field = (offset: number, width: Field['width']): Field => ({ offset, width });

/** General registers in hardware encoding order, 8 bytes each: rAX rCX rDX rBX rSP rBP rSI rDI r8 … r15. */
export const gprOffset = (index: number): number => index * 8;

/** Segment and table registers in NVMM's order, 16 bytes each: base u64, limit u32 (expanded, bytes), selector u16, attributes u16. */
export const Segment = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5, gdtr: 6, idtr: 7, ldtr: 8, tr: 9 } as const;
export type SegmentIndex = (typeof Segment)[keyof typeof Segment];

const segments = 0x0c0;
export const segmentOffset = (index: number): number => segments + index * 16;
export const segmentBase = (index: number): Field => field(segmentOffset(index), 64);
export const segmentLimit = (index: number): Field => field(segmentOffset(index) + 8, 32);
export const segmentSelector = (index: number): Field => field(segmentOffset(index) + 12, 16);
export const segmentSelectors: ArrayField = { ...segmentSelector(0), stride: 16, count: 10 };
/** type 3:0, S 4, DPL 6:5, P 7, AVL 8, L 9, D/B 10, G 11: the packing of the VMCB (APM vol. 2, appendix B). P=0 marks a null selector. */
export const segmentAttributes = (index: number): Field => field(segmentOffset(index) + 14, 16);

/** Fields of one kind, a stride apart. */
export interface ArrayField extends Field {
  readonly stride: number;
  readonly count: number;
}

/** Physical x87 registers R0…R7 (not ST-relative), 16 bytes each: significand u64, sign and exponent u16. */
export const x87Offset = (physical: number): number => 0x300 + physical * 16;
export const x87Significands: ArrayField = { ...field(x87Offset(0), 64), stride: 16, count: 8 };
export const x87SignExponents: ArrayField = { ...field(x87Offset(0) + 8, 16), stride: 16, count: 8 };
/** Last-branch records, the newest at `branchTop`: AMD processors have the first only. */
export const branchRecords = 16;
export const branchFrom = (index: number): Field => field(0x500 + index * 8, 64);
export const branchTo = (index: number): Field => field(0x580 + index * 8, 64);
/** XMM0…XMM15: the lower halves of YMM0…YMM15. */
export const xmmOffset = (index: number): number => 0x400 + index * 16;
/** From the lower half of a YMM register to its upper half. */
export const ymmHighDistance = 0x300;
export const ymmHighOffset = (index: number): number => xmmOffset(index) + ymmHighDistance;
/** Bytes of all upper halves. */
export const vectorSize = 256;

export const state = {
  rip: field(0x080, 64),
  /** Always zero: the base, index or segment base that an address does not have. */
  zero: field(0x088, 64),
  /** ZF = (flagResult == 0), SF = sign bit ^ flagBits bit 7, PF = parity of the low byte ^ flagBits bit 2. Sign-extended result. */
  flagResult: field(0x090, 64),
  /** CF, AF and OF in their RFLAGS positions (bits 0, 4, 11); bit 2 and bit 7 flip PF and SF as derived from flagResult. */
  flagBits: field(0x098, 32),
  /** Every other RFLAGS bit (TF IF DF IOPL NT RF VM AC VIF VIP ID) in its position; bit 1 is not stored. */
  flagSystem: field(0x09c, 32),
  /** RIP of the current instruction minus its record's page offset. */
  codeBase: field(0x0a0, 64),
  /** RIP after the current instruction; set before a helper is called. */
  nextRip: field(0x0a8, 64),

  cr0: field(0x160, 64),
  cr2: field(0x168, 64),
  cr3: field(0x170, 64),
  cr4: field(0x178, 64),
  cr8: field(0x180, 64),
  xcr0: field(0x188, 64),
  dr0: field(0x190, 64),
  dr1: field(0x198, 64),
  dr2: field(0x1a0, 64),
  dr3: field(0x1a8, 64),
  dr6: field(0x1b0, 64),
  dr7: field(0x1b8, 64),
  efer: field(0x1c0, 64),
  star: field(0x1c8, 64),
  lstar: field(0x1d0, 64),
  cstar: field(0x1d8, 64),
  sfmask: field(0x1e0, 64),
  kernelGsBase: field(0x1e8, 64),
  sysenterCs: field(0x1f0, 64),
  sysenterEsp: field(0x1f8, 64),
  sysenterEip: field(0x200, 64),
  pat: field(0x208, 64),
  tscAux: field(0x210, 64),
  /** Added to the host's time-stamp counter by RDTSC, RDTSCP and RDMSR 10H (IA32_TSC writes, VMCB and VMCS offsets, summed). */
  tscOffset: field(0x218, 64),

  /** Current privilege level, 0 to 3. */
  cpl: field(0x220, 32),
  /** Decode mode, see core/processor/state/mode.ts. */
  mode: field(0x224, 32),
  /** Low 12 bits of every TLB tag: which translation context is current (address space, privilege, AC, mode). */
  context: field(0x228, 32),
  /** 0 none, 1 after STI, 2 after MOV SS or POP SS: no interrupt before the end of the next instruction. */
  interruptShadow: field(0x22c, 32),
  /** Non-zero: x87 and MMX instructions must ask the helper `checkX87` (CR0.EM, TS; pending exceptions). */
  x87Blocked: field(0x230, 32),
  /** Non-zero: SSE instructions must ask the helper `checkSse` (CR0.EM, TS, CR4.OSFXSR). */
  sseBlocked: field(0x234, 32),
  /** Non-zero: an instruction that opens a window for events (STI, POPF, IRET, MOV CR8 …) must leave the run loop. Set before entry only. */
  eventPending: field(0x238, 32),
  /** 0 host, 1 SVM guest, 2 VMX non-root: instructions with an intercept must ask the helper `intercept`. */
  guest: field(0x23c, 32),

  /** The fault that made an instruction abort: vector, error code (or -1 for none), faulting linear address. */
  faultVector: field(0x240, 32),
  faultError: field(0x244, 32),
  faultAddress: field(0x248, 64),
  /** Why generated code left (core/processor/state/leave.ts), and its operands. */
  leave: field(0x250, 32),
  leaveAccess: field(0x254, 32),
  leaveAddress: field(0x258, 64),
  /** Instructions left of the budget given to `run`, written back when it returns. */
  budget: field(0x260, 32),
  /** Page offset of the record being executed, for helpers and aborts. */
  record: field(0x264, 32),
  /** Record table of the code page that `lookup` found (core/processor/interpreter/code-cache.ts). */
  codeTable: field(0x268, 32),
  /** Execution counts: u16 at this plus (record >> 4). Used where there is a JIT. */
  codeCounters: field(0x26c, 32),

  /** Non-zero: AVX instructions must ask the helper `checkAvx` (CR4.OSXSAVE, XCR0, CR0.TS). */
  avxBlocked: field(0x270, 32),

  /** Arguments and results of helpers (64-bit slots; 128-bit values take two). There are `argumentSlots` of them. */
  argument0: field(0x640, 64),
  argument1: field(0x648, 64),
  argument2: field(0x650, 64),
  argument3: field(0x658, 64),
  argument4: field(0x660, 64),
  argument5: field(0x668, 64),
  result0: field(0x2a0, 64),
  result1: field(0x2a8, 64),
  /** Where an access that crosses a page is gathered (read) or held (write) while its pages are checked. */
  bounce: field(0x2b0, 128),
  bounceHigh: field(0x2c0, 128),
  /** A write that is gathered there: its two places in linear memory, bytes at the first, bytes in all. */
  bounceFirst: field(0x2d0, 32),
  bounceSecond: field(0x2d4, 32),
  bounceFirstBytes: field(0x2d8, 8),
  bounceBytes: field(0x2d9, 8),

  /** Non-zero: generated code returns after each iteration of a REP, as if it were an instruction: traps may follow. */
  stepping: field(0x2da, 8),
  /** Non-zero: PAUSE returns to whoever runs the CPU. His choice, no state of the processor. */
  leavesAtPause: field(0x2db, 8),

  /** For core/processor/mmu/fast-walk.ts: the top table in linear memory (0: TypeScript walks), and the largest piece of RAM. */
  walkRoot: field(0x2dc, 32),
  walkFirst: field(0x2e0, 32),
  walkPages: field(0x2e4, 32),
  walkOffset: field(0x2e8, 32),
  /** Where PhysicalMemory.codePages lies. */
  walkCodePages: field(0x2ec, 32),
  /** Reserved bits of all entries, and of those of 1 GiB pages. */
  walkReserved: field(0x2f0, 64),
  walkHugeReserved: field(0x2f8, 32),
  /** Bits that all entries must have to be read or written through, and that not all may have. */
  walkRead: field(0x2fc, 8),
  walkWrite: field(0x2fd, 8),
  walkForbidden: field(0x2fe, 8),
  walkForbiddenCode: field(0x2ff, 8),

  fcw: field(0x380, 16),
  /** Status word without TOP. */
  fsw: field(0x382, 16),
  /** TOP, 0 to 7. */
  x87Top: field(0x384, 8),
  /** Abridged tag word as FXSAVE stores it: bit n set means physical register n is not empty. */
  x87Tags: field(0x385, 8),
  x87Opcode: field(0x386, 16),
  x87Ip: field(0x388, 64),
  x87Dp: field(0x390, 64),
  x87Cs: field(0x398, 16),
  x87Ds: field(0x39a, 16),
  mxcsr: field(0x39c, 32),

  /** For core/processor/mmu/fast-nested-walk.ts. The nested root in linear memory (0: there is no second dimension, or TypeScript walks it). */
  nestedRoot: field(0x3a0, 32),
  /** Bits that all entries must have for each use, and that the last must have to be written through, or for tables to be read. */
  nestedRead: field(0x3a4, 32),
  nestedWrite: field(0x3a8, 32),
  nestedCode: field(0x3ac, 32),
  nestedTable: field(0x3b0, 32),
  nestedDirty: field(0x3b4, 32),
  nestedTableDirty: field(0x3b8, 32),
  /** Bits that may not be set: in an entry that names a table, in one of a 2 MiB or 1 GiB page. */
  nestedTableReserved: field(0x3bc, 32),
  nestedLargeReserved: field(0x3c0, 32),
  nestedHugeReserved: field(0x3c4, 32),
  /** What these bits of the last entry must be. */
  nestedLeafMask: field(0x3c8, 32),
  nestedLeafValue: field(0x3cc, 32),
  /** Bits that no entry may have, and none on the way to code. */
  nestedReserved: field(0x3d0, 64),
  nestedReservedCode: field(0x3d8, 64),
  /** Guest-physical address of the guest's top table. */
  nestedGuestRoot: field(0x3e0, 64),

  /** What walkRead to walkForbiddenCode are to be at CPL 0 to 2 and at CPL 3, while RFLAGS.AC is 0. */
  walkSupervisor: field(0x3e8, 32),
  walkUser: field(0x3ec, 32),
  /** Non-zero: a breakpoint register watches instructions, so RFLAGS.RF matters. */
  codeWatched: field(0x3f0, 32),
  /** NMIs wait for the next IRET. */
  nmiBlocked: field(0x3f4, 32),
  /** Record tables of 64-bit code: a pointer for each page of linear memory, 0 for none. */
  codeTables: field(0x3f8, 32),

  /** DEBUGCTL. */
  debugControl: field(0x618, 64),
  /** The last branch before the last interrupt or exception. */
  exceptionFrom: field(0x600, 64),
  exceptionTo: field(0x608, 64),
  /** LASTBRANCH_TOS and LBR_SELECT, of Intel. */
  branchTop: field(0x610, 64),
  branchSelect: field(0x620, 64),
} as const satisfies Record<string, Field>;

/** Two of 128 bits and a number for each lane of the widest operation. */
export const argumentSlots = 16;

export type StateName = keyof typeof state;

/**
 * TLBs: direct mapped, 16-byte entries {tag u64, addend i32, aux u32}; see core/processor/mmu/tlb.ts. `large`, `huge`: a byte for each 2 MiB and
 * 1 GiB region, hashed: whether entries may have been made from larger pages there.
 */
export const tlb = { entries: 1024, read: 0x1000, write: 0x5000, fetch: 0x9000, large: 0xd000, huge: 0xe000 } as const;

/** Bytes from one CPU block to the next. */
export const blockSize = 0x10000;
