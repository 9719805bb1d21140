/**
 * The emulated computer as a hypervisor's kernel half sees it: physical memory through a direct map, and processors on which the
 * driver, standing in 64-bit mode at CPL 0, executes single privileged instructions. Whatever the instruction's rules are, they
 * are applied by the CPU; a driver that breaks them gets the fault that a real one would get.
 */
import type { Vendor } from '../isa/form.ts';

/** Thrown where the driver's own instruction faults (a bug of the driver, as it would be on hardware). */
export class HostFault extends Error {
  constructor(
    readonly vector: number,
    readonly errorCode: number,
    instruction: string,
  ) {
    super(`${instruction}: fault ${vector}(${errorCode}) in the host`);
  }
}

export interface CpuidResult {
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

/** How a VMX instruction ended: VMsucceed, VMfailInvalid (CF), VMfailValid (ZF, error number in field 4400H). */
export const VmxOutcome = { succeed: 0, failInvalid: 1, failValid: 2 } as const;
export type VmxOutcome = (typeof VmxOutcome)[keyof typeof VmxOutcome];

/** One physical CPU. 64-bit values cross as bigint where they are rare, as (low, high) int32 pairs where they are not. */
export interface HostCpu {
  readonly index: number;

  cpuid(leaf: number, subleaf?: number): CpuidResult;
  /** HostFault #GP for an MSR that is not there. */
  rdmsr(index: number): bigint;
  wrmsr(index: number, value: bigint): void;
  /** The same without a bigint: the low half; the high one is in `rdmsrHigh`. */
  rdmsrLow(index: number): number;
  readonly rdmsrHigh: number;
  wrmsrPair(index: number, low: number, high: number): void;
  readControl(register: 0 | 2 | 3 | 4 | 8): bigint;
  writeControl(register: 0 | 2 | 3 | 4 | 8, value: bigint): void;
  readDebug(register: 0 | 1 | 2 | 3 | 6 | 7): bigint;
  writeDebug(register: 0 | 1 | 2 | 3 | 6 | 7, value: bigint): void;
  xgetbv(): bigint;
  xsetbv(value: bigint): void;
  /** x87, SSE and MXCSR from or to 512 bytes at a physical address (FXRSTOR64, FXSAVE64). */
  fxrstor(physical: number): void;
  fxsave(physical: number): void;
  /** Upper halves of YMM registers from or to 256 bytes (XRSTOR and XSAVE of component 2). */
  loadVector(physical: number): void;
  storeVector(physical: number): void;
  /**
   * The register moves around VMRUN or VMLAUNCH in a driver's assembly stub: all sixteen general registers but rAX (SVM keeps it in
   * the VMCB) and rSP, from or to an array of 64-bit values in hardware order at a physical address. With `withRax`, rAX too (VMX).
   */
  loadGeneral(physical: number, withRax: boolean): void;
  storeGeneral(physical: number, withRax: boolean): void;
  readTimestampCounter(): number;

  /** Local timer of this CPU: raises a physical external interrupt after `instructions` more have retired here. Infinity disarms. */
  armTimer(instructions: number): void;
  /** What is left until then (the timer's current count); 0 once it has expired. */
  readonly timerCount: number;
  /** Whether others want this CPU: asked now and then while a guest runs; true is an external interrupt (the tick of the host's scheduler). */
  isWanted: () => boolean;
  /** Makes the CPU take an external interrupt as soon as it can (an IPI from another thread of control). */
  raiseInterrupt(): void;
  /** An interrupt has come since the timer was armed, and the host's handler has run: others want this CPU (preempt_needed(9)). */
  readonly preemptionNeeded: boolean;
  /** A hypervisor emulated an instruction for its guest: the guest's virtual time advances as if it had retired (1 tick). */
  accountInstruction(): void;

  // SVM (APM vol. 2, chapter 15)
  /** Executes VMRUN with rAX = physical and runs the guest until its #VMEXIT; the CPU stands in the host again. */
  vmrun(physical: number): void;
  vmload(physical: number): void;
  vmsave(physical: number): void;
  stgi(): void;
  clgi(): void;
  invlpga(low: number, high: number, asid: number): void;

  // VMX (SDM vol. 3, chapters 24 to 34)
  vmxon(physical: number): VmxOutcome;
  vmxoff(): VmxOutcome;
  vmclear(physical: number): VmxOutcome;
  vmptrld(physical: number): VmxOutcome;
  /** The field's low 32 bits; the high ones are in `vmreadHigh` until the next VMX instruction. Throws HostFault-free: outcome in `vmreadOutcome`. */
  vmread(field: number): number;
  readonly vmreadHigh: number;
  readonly vmreadOutcome: VmxOutcome;
  vmwrite(field: number, low: number, high?: number): VmxOutcome;
  /** Enter the guest and run it until its VM exit (succeed), or fail. */
  vmlaunch(): VmxOutcome;
  vmresume(): VmxOutcome;
  invept(type: number, eptp: bigint): VmxOutcome;
  invvpid(type: number, vpid: number, address: bigint): VmxOutcome;
}

/** Physical memory, page-granular, with the direct map through which a kernel reads and writes it. */
export interface HostMemory {
  /** Contiguous zeroed pages of 4 KiB; the physical address. Throws MachineError('out-of-memory'). */
  allocate(pages: number): number;
  free(physical: number, pages: number): void;
  readonly free4k: number;
  /** The direct map: byte offset into `words.buffer` of a physical address. */
  offset(physical: number): number;
  /** And back: the physical address of a byte offset. */
  physicalAt(offset: number): number;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** memmove(3) through the direct map: byte offsets. Worth its call from some sixteen words on. */
  copy(to: number, from: number, bytes: number): void;
  /** Software other than a CPU (DMA, a hypervisor's user half) wrote here: decoded code is stale. */
  written(physical: number, length: number): void;
}

export interface HostComputer {
  readonly cpus: readonly HostCpu[];
  /** Whose way of executing instructions they have, which who emulates one of a guest's has to follow. */
  readonly dialect: Vendor;
  readonly memory: HostMemory;
  /** Time: ticks = instructions retired by all CPUs, instructions accounted, and idle time skipped. One tick is one nanosecond of virtual time. */
  readonly time: { readonly ticks: number; skip(ticks: number): void; hold(): void; release(): void };
}
