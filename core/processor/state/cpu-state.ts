/**
 * The whole architectural state of a VCPU as plain data, by component: what accelerators get and set, snapshots keep, and a
 * running guest takes along when it moves from one accelerator to another. Equality of two such values is equality of guests.
 */

export interface SegmentState {
  readonly selector: number;
  /** type 3:0, S 4, DPL 6:5, P 7, AVL 8, L 9, D/B 10, G 11; P=0 for a null selector. */
  readonly attributes: number;
  /** Expanded: in bytes. */
  readonly limit: number;
  readonly base: bigint;
}

export interface TableState {
  readonly limit: number;
  readonly base: bigint;
}

export interface GeneralState {
  /** rAX rCX rDX rBX rSP rBP rSI rDI r8 … r15. */
  readonly registers: readonly bigint[];
  readonly rip: bigint;
  readonly rflags: bigint;
}

export interface SegmentsState {
  readonly es: SegmentState;
  readonly cs: SegmentState;
  readonly ss: SegmentState;
  readonly ds: SegmentState;
  readonly fs: SegmentState;
  readonly gs: SegmentState;
  readonly ldtr: SegmentState;
  readonly tr: SegmentState;
  readonly gdtr: TableState;
  readonly idtr: TableState;
}

export interface ControlState {
  readonly cr0: bigint;
  readonly cr2: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  /** Task priority, 0 to 15. */
  readonly cr8: bigint;
  readonly xcr0: bigint;
}

export interface DebugState {
  readonly dr0: bigint;
  readonly dr1: bigint;
  readonly dr2: bigint;
  readonly dr3: bigint;
  readonly dr6: bigint;
  readonly dr7: bigint;
  /** Where anything of it is not 0. */
  readonly branches?: BranchState;
}

/** DEBUGCTL, and sixteen last-branch records, of which an AMD processor has the first. */
export interface BranchState {
  readonly debugControl: bigint;
  readonly branchSelect: bigint;
  readonly branchTop: bigint;
  /** The last branch before the last interrupt or exception. */
  readonly exceptionFrom: bigint;
  readonly exceptionTo: bigint;
  readonly from: readonly bigint[];
  readonly to: readonly bigint[];
}

export interface MsrState {
  readonly efer: bigint;
  readonly star: bigint;
  readonly lstar: bigint;
  readonly cstar: bigint;
  readonly sfmask: bigint;
  readonly kernelGsBase: bigint;
  readonly sysenterCs: bigint;
  readonly sysenterEsp: bigint;
  readonly sysenterEip: bigint;
  readonly pat: bigint;
  /** The guest's time-stamp counter at the moment of reading. */
  readonly tsc: bigint;
}

export interface InterruptState {
  /** No interrupt before the end of the next instruction (STI, MOV SS). */
  readonly shadow: boolean;
  /** Between the delivery of an NMI and the next IRET. */
  readonly nmiBlocked: boolean;
  /** HLT has retired and nothing has woken the processor yet. */
  readonly halted: boolean;
  /** An exception that was injected, to be delivered before the next instruction. */
  readonly event?: { readonly vector: number; readonly errorCode?: number };
}

export interface CpuState {
  readonly general: GeneralState;
  readonly segments: SegmentsState;
  readonly controls: ControlState;
  readonly debug: DebugState;
  readonly msrs: MsrState;
  readonly interrupts: InterruptState;
  /** 512 bytes as FXSAVE64 writes them. */
  readonly fpu: Uint8Array;
  /** Upper halves of YMM0 … YMM15, 16 bytes each, as in an XSAVE area. */
  readonly vector: Uint8Array;
}

/** What is to become of a state: components that are left out stay as they are, and so does the time-stamp counter. */
export type CpuStateChange = Partial<Omit<CpuState, 'msrs'>> & {
  readonly msrs?: Omit<MsrState, 'tsc'> & Partial<Pick<MsrState, 'tsc'>>;
};

export type StateComponent = keyof CpuState;
export const stateComponents: readonly StateComponent[] = [
  'general',
  'segments',
  'controls',
  'debug',
  'msrs',
  'interrupts',
  'fpu',
  'vector',
];
