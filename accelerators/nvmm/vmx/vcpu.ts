/** What the VMX backend keeps for a VCPU (struct vmx_cpudata). */
import type { HostComputer, HostCpu } from '#core';
import type { DriverVcpu } from '../driver/machine.ts';
import { Vector } from '../x86/exception.ts';
import { injectException } from './event.ts';
import { Field, Interruptibility } from './fields.ts';

export class VmxVcpu {
  readonly vmcs: number;
  readonly gprs: number;
  readonly fpu: number;
  readonly msrBitmap: number;
  /** MSR area: STAR, LSTAR, CSTAR, SFMASK, KERNEL_GS_BASE; loaded at entry, stored at exit. */
  readonly msrArea: number;
  readonly debug: bigint[] = [0n, 0n, 0n, 0n];
  dr6 = 0xffff_0ff0n;
  cr2 = 0n;
  cr8 = 0;
  xcr0 = 1n;

  launched = false;
  flushGuest = true;
  generation = -1;

  interruptWindow = false;
  nmiWindow = false;
  eventPending = false;
  exitOnTpr = false;

  constructor(
    private readonly host: HostComputer,
    readonly vpid: number,
  ) {
    const { memory } = host;
    this.vmcs = memory.allocate(1);
    this.gprs = memory.allocate(1);
    this.fpu = this.gprs + 512;
    this.msrArea = this.gprs + 2048;
    this.msrBitmap = memory.allocate(1);
  }

  gprWord(index: number): number {
    return (this.host.memory.offset(this.gprs) >>> 2) + index * 2;
  }
  /** Index into the memory's words of the value of an entry of the MSR area. */
  msrWord(index: number): number {
    return (this.host.memory.offset(this.msrArea) >>> 2) + index * 4 + 2;
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
