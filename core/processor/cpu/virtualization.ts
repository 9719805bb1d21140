/**
 * The room for SVM and VMX in a CPU: everything that hardware virtualization changes about the rest of the processor, asked through
 * one interface by helpers, event delivery and the run loop. A CPU whose model has neither has no such object.
 *
 * World switches happen in the run loop alone. An intercept only *records* its exit (the methods below that return true); the
 * helper then unwinds with Status.exit (`core.exit(Leave.vmexit)`), generated code writes registers, flags and RIP back, and the
 * run loop calls `switchWorld`. VMRUN and VMLAUNCH record an entry in the same way: their helpers check operands, set RIP to the
 * next instruction, and return Status.leave with `leave` = Leave.world.
 *
 * At that moment the state block holds the guest as the intercepted instruction found it: state.rip is its address,
 * state.nextRip the next one's. Methods that end in `…Intercepted` are called where `state.guest` is not 0, after #UD and #GP checks that
 * come before intercepts.
 */

import type { virtualHelpers } from '../ir/helper-rows/virtual.ts';
import type { HelperImplementation } from './core.ts';

export const EventType = {
  external: 0,
  nmi: 2,
  /** Faults, traps and aborts of the processor. */
  exception: 3,
  /** INT n */
  software: 4,
  /** INT1 */
  privilegedSoftware: 5,
  /** INT3, INTO */
  softwareException: 6,
} as const;

/** What `boundary` has done. */
export const Boundary = {
  /** Nothing: go on. */
  nothing: 0,
  /** An exit is recorded: `switchWorld` is to be called. */
  exit: 1,
  /** It delivered an event into the guest (through core.deliver); ask again. */
  delivered: 2,
} as const;

/** How a control register is accessed, as VMX numbers it. */
export const ControlAccess = { write: 0, read: 1, clts: 2, lmsw: 3, smsw: 4 } as const;

/** EFER among the registers of `controlWritten`. */
export const eferRegister = 16;

/** Why a task switch happens, as VMX numbers it. */
export const TaskSwitchSource = { call: 0, iret: 1, jump: 2, gate: 3 } as const;

/** Operands of an I/O instruction. */
export interface PortAccess {
  port: number;
  /** Bytes. */
  size: 1 | 2 | 4;
  input: boolean;
  string: boolean;
  repeat: boolean;
  immediate: boolean;
  addressWidth: 16 | 32 | 64;
  /** Strings: segment number of the memory operand (ES for INS). */
  segment: number;
  /** Strings: linear address of the memory operand. */
  linearLow: number;
  linearHigh: number;
}

export interface Virtualization {
  readonly kind: 'svm' | 'vmx';
  /** The instructions of core/processor/isa/virtual/helpers.ts that this architecture has; all others are #UD. */
  readonly helpers: Readonly<Partial<Record<keyof typeof virtualHelpers, HelperImplementation>>>;

  /** Plain instructions, by the ids of core/processor/isa/intercepts.ts. */
  intercepted(id: number): boolean;
  /** INVLPG, INVPCID, MONITOR and the like: segment and offset of the operand, its linear address, and a further operand (INVPCID's type). */
  addressIntercepted(
    id: number,
    segment: number,
    offsetLow: number,
    offsetHigh: number,
    linearLow: number,
    linearHigh: number,
    operand: number,
  ): boolean;
  /** After the permission checks of IOPL and TSS. */
  portIntercepted(access: PortAccess): boolean;
  /** RDMSR and WRMSR, after the CPL check and before the question whether the MSR exists; the value of a write is in EDX:EAX. */
  msrIntercepted(index: number, write: boolean): boolean;
  /**
   * MOV CR, CLTS, LMSW, SMSW: before anything is checked or changed. `general`: number of the general register. The value to be
   * written or that was read is in (core.low, core.high), and may be replaced: a read by what the guest is to see (shadows), a
   * write by what is to be loaded (bits owned by the host). For LMSW `general` is 1 with a memory operand, whose linear
   * address is then in state.faultAddress.
   */
  controlIntercepted(register: number, access: number, general: number): boolean;
  /**
   * After a control register (0 to 15) or EFER (`eferRegister`) was written by an instruction that is done but for its end. True: an
   * exit is recorded that follows the instruction, `core.leaveAfter(Leave.vmexit)`.
   */
  controlWritten(register: number): boolean;
  debugIntercepted(register: number, write: boolean, general: number): boolean;
  /** INT n: before the gate is looked at. INT1, INT3 and INTO come here too, by type. */
  softwareInterruptIntercepted(vector: number, type: number): boolean;
  /**
   * Before an exception is delivered. #PF: the address is in state.faultAddress (CR2 is not written yet). `core.delivering` tells
   * which event was being delivered when it arose (type -1: none). #DB: core.pendingDebug has DR6's bits.
   */
  exceptionIntercepted(vector: number, error: number): boolean;
  /** `hasError`: the switch delivers an exception with an error code. */
  taskSwitchIntercepted(selector: number, source: number, hasError: boolean, error: number): boolean;
  /** A triple fault in the guest. False: the processor shuts down. */
  shutdownIntercepted(): boolean;
  /** Nested paging stopped an access: core.paging.nested has the fault, state.faultAddress the linear address. Records the exit. */
  nestedFault(): void;
  /** False if the hypervisor has disabled this instruction for its guest (RDTSCP, INVPCID under VMX: the guest gets #UD). */
  allows(id: number): boolean;

  /**
   * At an instruction boundary in the guest, in the order that the architecture gives: INIT, monitor trap, preemption timer, NMI
   * and interrupt windows, NMIs, external and virtual interrupts. `afterDebug`: trap debug exceptions have been dealt with.
   */
  boundary(): number;
  /** Something waits for a window that the guest may open (RFLAGS.IF, shadow, task priority): state.eventPending. */
  readonly eventPending: boolean;
  /** A halted guest is to go on: something `boundary` would act upon. */
  readonly wakes: boolean;
  /** Instructions until `boundary` must be asked again (preemption timer, monitor trap): Infinity if there is no such moment. */
  readonly horizon: number;
  /** Called with the number of instructions that retired in the guest. */
  retired(instructions: number): void;

  /** In the host: external interrupts, NMIs, INIT and SMIs are held back (GIF = 0). */
  readonly eventsHeld: boolean;
  /** In the host: INIT is held back (VMX root operation). */
  readonly initHeld: boolean;
  /** In a guest: CR8 is virtual, and read and written through these. */
  readonly virtualTaskPriority: boolean;
  taskPriority: number;
  /** In a guest: IRET unblocks NMIs. Returns true where it must not (an intercepted IRET keeps them blocked). */
  nmiUnblocked(): void;

  /** Performs what was recorded: an exit to the host or an entry into the guest. True: the CPU has left guest mode. */
  switchWorld(): boolean;

  /** MSRs that belong to virtualization (VM_CR, VM_HSAVE_PA, IA32_VMX_*, IA32_FEATURE_CONTROL). Value in core.low, core.high; false: not one of them, or #GP (`msrFault`). */
  readMsr(index: number): boolean;
  writeMsr(index: number): boolean;
  /** After a false answer: the MSR exists, but the access is wrong. */
  readonly msrFault: boolean;
  /** EFER bits and CR4 bits that virtualization adds to the writable ones, now (SVME; VMXE). */
  readonly eferBits: number;
  readonly cr4Bits: number;
  /** CR0 and CR4 bits that must be set or clear in VMX operation: true if a value breaks that. */
  controlRefused(register: number, low: number): boolean;

  /** Power-on, which may come in the midst of a guest. INIT is no reset: MSRs outlive it. */
  reset(): void;
}
