/**
 * Helpers of integer, control, stack, string and system instructions. Conventions: `segment` and `offset` name memory as an
 * operand does (segment number, offset masked to the address size); `width`s are 16, 32 or 64; a helper that may transfer is the
 * instruction's last effect and does all of its register writes itself.
 */
import type { Helper } from '../helpers.ts';

export const systemHelpers = {
  // Prologue of guarded instructions.
  /** (id of core/processor/isa/intercepts.ts): exits if the hypervisor intercepts the instruction. Called in guests only. */
  intercept: { inputs: [32], results: [] },
  /** (0 waiting x87, 1 non-waiting x87, 2 MMX): called where x87Blocked is not 0. #UD, #NM, #MF. */
  checkX87: { inputs: [32], results: [] },
  /** Called where avxBlocked is not 0. #UD, #NM. */
  checkAvx: { inputs: [], results: [] },
  /** Called where sseBlocked is not 0. #UD, #NM. */
  checkSse: { inputs: [], results: [] },

  // Division of 128 by 64 bits: (low, high, divisor), quotient to RAX, remainder to RDX. #DE. The easy cases never come here.
  divideUnsigned: { inputs: [64, 64, 64], results: [] },
  divideSigned: { inputs: [64, 64, 64], results: [] },

  // Control transfers.
  /** (selector, offset, operand width) */
  farJump: { inputs: [16, 64, 32], results: [], transfers: true, dear: true },
  farCall: { inputs: [16, 64, 32], results: [], flags: true, transfers: true, dear: true },
  /** (operand width, bytes of parameters to release) */
  farReturn: { inputs: [32, 32], results: [], transfers: true, dear: true },
  /** (operand width) */
  iret: { inputs: [32], results: [], flags: true, transfers: true, dear: true },
  /** (vector, type as VMX numbers it: 4 INT n, 5 INT1, 6 INT3 and INTO) */
  softwareInterrupt: { inputs: [32, 32], results: [], flags: true, transfers: true, dear: true },
  syscall: { inputs: [], results: [], flags: true, transfers: true },
  /** (operand width: 64 returns to 64-bit code) */
  sysret: { inputs: [32], results: [], flags: true, transfers: true },
  sysenter: { inputs: [], results: [], flags: true, transfers: true },
  sysexit: { inputs: [32], results: [], flags: true, transfers: true },

  // Segment registers.
  /** (segment, selector): MOV Sreg. #UD for CS; SS opens an interrupt shadow. */
  moveToSegment: { inputs: [32, 16], results: [], transfers: true },
  /** (segment, selector, bytes, stack width): POP Sreg; the selector is read already. Loads it, then adds bytes to rSP. SS opens a shadow. */
  popSegment: { inputs: [32, 16, 32, 32], results: [], transfers: true },
  /** (segment, selector, state offset of the destination, offset, operand width): LDS … LSS. */
  loadFarPointer: { inputs: [32, 16, 32, 64, 32], results: [], transfers: true },
  lldt: { inputs: [16], results: [], dear: true },
  ltr: { inputs: [16], results: [], dear: true },
  /** (selector): access rights as LAR gives them, and whether the selector is good for it. */
  lar: { inputs: [16], results: [32, 1], dear: true },
  /** (selector): limit in bytes, and whether the selector is good for it. */
  lsl: { inputs: [16], results: [32, 1], dear: true },
  verr: { inputs: [16], results: [1], dear: true },
  verw: { inputs: [16], results: [1], dear: true },

  // Stack: the cases that plain IR does not cover.
  /** (operand width): PUSHF in virtual-8086 mode with IOPL < 3 (VME or #GP). */
  pushfVirtual: { inputs: [32], results: [], flags: true },
  /** (value, operand width, stack width): POPF that changes more than DF and arithmetic flags; the value is read already. Updates rSP too. */
  popf: { inputs: [64, 32, 32], results: [], flags: true, transfers: true },
  /** (size, level 1 to 31, operand width, stack width): ENTER with nesting. */
  enterNested: { inputs: [16, 32, 32, 32], results: [], dear: true },

  // Flags of the system.
  /** CLI where CPL > IOPL (virtual-8086 mode, PVI, or #GP). */
  cli: { inputs: [], results: [] },
  /** STI where CPL > IOPL or IF is 0: sets it and opens the interrupt shadow. */
  sti: { inputs: [], results: [], transfers: true },
  /** (AC): CLAC, STAC. #UD unless CPL is 0. */
  setAlignmentCheck: { inputs: [32], results: [], transfers: true },

  // Ports. IOPL, the permission bitmap, then intercepts.
  /** (width): permission for the port in DX, and no more (INS and OUTS with a count of zero). */
  checkPort: { inputs: [32], results: [] },
  /** (port, width 8 16 32, 1 where the port is an immediate): value. */
  portIn: { inputs: [16, 32, 32], results: [32] },
  /** (port, width, value, 1 where the port is an immediate) */
  portOut: { inputs: [16, 32, 32, 32], results: [] },
  /** (width, address width, 1 with REP): INS, one iteration; the count is not zero. Updates rDI, and with REP rCX. Again is the instruction's. */
  portInString: { inputs: [32, 32, 32], results: [], dear: true },
  /** (width, address width, 1 with REP, segment): OUTS, likewise. */
  portOutString: { inputs: [32, 32, 32, 32], results: [], dear: true },

  // Control and debug registers: (number, number of the general register, [value]). #UD, #GP, intercepts.
  readControl: { inputs: [32, 32], results: [64] },
  writeControl: { inputs: [32, 32, 64], results: [], transfers: true, dear: true },
  readDebug: { inputs: [32, 32], results: [64] },
  writeDebug: { inputs: [32, 32, 64], results: [], transfers: true, dear: true },
  clts: { inputs: [], results: [], transfers: true },
  smsw: { inputs: [], results: [64] },
  /** (value, 1 where it came from memory, segment, offset) */
  lmsw: { inputs: [16, 32, 32, 64], results: [], transfers: true, dear: true },

  // Translation.
  /** (segment, offset) */
  invlpg: { inputs: [32, 64], results: [], transfers: true, dear: true },
  /** (type, segment, offset of the descriptor) */
  invpcid: { inputs: [64, 32, 64], results: [], transfers: true, dear: true },

  // Identification, time, MSRs: operands in EAX, ECX, EDX themselves.
  cpuid: { inputs: [], results: [], dear: true },
  rdtsc: { inputs: [], results: [], dear: true },
  rdtscp: { inputs: [], results: [], dear: true },
  rdpmc: { inputs: [], results: [] },
  rdmsr: { inputs: [], results: [], dear: true },
  wrmsr: { inputs: [], results: [], transfers: true, dear: true },
  /** #UD without CR4.OSXSAVE, #GP at CPL > 0, intercept, #GP for bad values. */
  xsetbv: { inputs: [], results: [], transfers: true, dear: true },
  /** (width): value, and whether there was one (CF). */
  rdrand: { inputs: [32], results: [64, 1], dear: true },
  rdseed: { inputs: [32], results: [64, 1], dear: true },

  // Waiting.
  halt: { inputs: [], results: [], transfers: true },
  /** Called where leavesAtPause is not 0. */
  pause: { inputs: [], results: [], transfers: true },
  /** (segment, offset) */
  monitor: { inputs: [32, 64], results: [] },
  mwait: { inputs: [], results: [], transfers: true },

  // State images: (segment, offset, 1 with REX.W). Alignment #GP, unit and CR4 checks are the helper's.
  fxsave: { inputs: [32, 64, 32], results: [], dear: true },
  fxrstor: { inputs: [32, 64, 32], results: [], dear: true },
  xsave: { inputs: [32, 64, 32], results: [], dear: true },
  /** (number of the register): #GP where there is none. */
  xgetbv: { inputs: [32], results: [64] },
  xsavec: { inputs: [32, 64, 32], results: [], dear: true },
  xsaveopt: { inputs: [32, 64, 32], results: [], dear: true },
  xrstor: { inputs: [32, 64, 32], results: [], dear: true },
} as const satisfies Record<string, Helper>;
