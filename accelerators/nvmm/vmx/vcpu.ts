/** What the VMX backend keeps for a VCPU (struct vmx_cpudata). */
import type { HostComputer, HostCpu } from '#core';
import type { DriverMachine, DriverVcpu } from '../driver/machine.ts';
import { Vector } from '../x86/exception.ts';
import { injectException } from './event.ts';
import type { ExitContext } from './exits.ts';
import { Field, Interruptibility } from './fields.ts';

export class VmxVcpu {
  readonly vmcs: number;
  readonly gprs: number;
  readonly fpu: number;
  readonly msrBitmap: number;
  /** MSR area: STAR, LSTAR, CSTAR, SFMASK, KERNEL_GS_BASE; loaded at entry, stored at exit. */
  readonly msrArea: number;
  /** Indices into the memory's words. */
  readonly #gprWords: number;
  readonly #msrWords: number;
  readonly debug: bigint[] = [0n, 0n, 0n, 0n];
  dr6 = 0xffff_0ff0n;
  #cr2 = 0n;
  #xcr0 = 1n;
  // As words, for the comm page.
  cr2Low = 0;
  cr2High = 0;
  xcr0Low = 1;
  cr8 = 0;

  launched = false;
  flushGuest = true;
  generation = -1;

  interruptWindow = false;
  nmiWindow = false;
  eventPending = false;
  exitOnTpr = false;
  /** Of the last run, for the next one. */
  context: ExitContext | undefined;

  constructor(
    private readonly host: HostComputer,
    readonly machine: DriverMachine,
    readonly vpid: number,
  ) {
    const { memory } = host;
    this.vmcs = memory.allocate(1);
    this.gprs = memory.allocate(1);
    this.fpu = this.gprs + 512;
    this.msrArea = this.gprs + 2048;
    this.msrBitmap = memory.allocate(1);
    this.#gprWords = memory.offset(this.gprs) >>> 2;
    this.#msrWords = memory.offset(this.msrArea) >>> 2;
  }

  get cr2(): bigint {
    return this.#cr2;
  }
  set cr2(value: bigint) {
    if (value === this.#cr2) return;
    this.#cr2 = value;
    this.cr2Low = Number(BigInt.asIntN(32, value));
    this.cr2High = Number(BigInt.asIntN(32, value >> 32n));
  }
  get xcr0(): bigint {
    return this.#xcr0;
  }
  set xcr0(value: bigint) {
    this.#xcr0 = value;
    this.xcr0Low = Number(BigInt.asIntN(32, value));
  }

  gprWord(index: number): number {
    return this.#gprWords + index * 2;
  }
  /** Index into the memory's words of the value of an entry of the MSR area. */
  msrWord(index: number): number {
    return this.#msrWords + index * 4 + 2;
  }

  destroy(): void {
    const { memory } = this.host;
    memory.free(this.vmcs, 1);
    memory.free(this.gprs, 1);
    memory.free(this.msrBitmap, 1);
  }
}

export type VmxDriverVcpu = DriverVcpu<VmxVcpu>;

const resumeFlag = 0x1_0000;

/** The guest's time-stamp counter reads as given, now. The VMCS is current. */
export function setTimestampCounter(cpu: HostCpu, low: number, high: number): void {
  const now = cpu.readTimestampCounter();
  const difference = (low >>> 0) - (now % 2 ** 32);
  cpu.vmwrite(Field.tscOffset, difference | 0, (high - Math.floor(now / 2 ** 32) - (difference < 0 ? 1 : 0)) | 0);
}

const trapFlag = 0x100;
const singleStep = 0x4000n;

/** The instruction is done: next RIP, no shadow, RF clear, a single-step trap where the guest wants one; its time goes on by it. */
export function advance(cpu: HostCpu, vcpu: VmxVcpu): void {
  const length = cpu.vmread(Field.exitInstructionLength);
  const low = cpu.vmread(Field.guestRip);
  const high = cpu.vmreadHigh;
  const next = (low >>> 0) + length;
  cpu.vmwrite(Field.guestRip, next | 0, next > 0xffff_ffff ? (high + 1) | 0 : high);
  const rflags = cpu.vmread(Field.guestRflags);
  if (rflags & resumeFlag) cpu.vmwrite(Field.guestRflags, rflags & ~resumeFlag, 0);
  const interruptibility = cpu.vmread(Field.guestInterruptibility);
  const blocked = Interruptibility.sti | Interruptibility.movSs;
  if (interruptibility & blocked) cpu.vmwrite(Field.guestInterruptibility, interruptibility & ~blocked);
  cpu.accountInstruction();
  if (!(rflags & trapFlag)) return;
  cpu.writeDebug(6, cpu.readDebug(6) | singleStep);
  injectException(cpu, vcpu, Vector.db, 0);
}
