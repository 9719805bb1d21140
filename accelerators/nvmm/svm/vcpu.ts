/** What the SVM backend keeps for a VCPU (struct svm_cpudata). */
import type { HostComputer, HostCpu } from '#core';
import type { DriverVcpu } from '../driver/machine.ts';
import { Field, Vmcb } from './vmcb.ts';

const resumeFlag = 0x1_0000;

export class SvmVcpu {
  readonly vmcb: Vmcb;
  /** General registers but rAX and rSP, as the entry stub loads and stores them: physical address. */
  readonly gprs: number;
  /** FXSAVE image, while the registers are not in the CPU: physical address. */
  readonly fpu: number;
  readonly iopm: number;
  readonly msrpm: number;
  readonly debug: bigint[] = [0n, 0n, 0n, 0n];
  xcr0 = 1n;

  /** Drop the guest's translations before the next entry. */
  flushGuest = true;
  /** The machine's nested-translation generation that this VCPU has seen. */
  generation = -1;
  /** The guest's time-stamp counter is to become `tsc` at the next entry. */
  tscWanted = false;
  tsc = 0n;

  interruptWindow = false;
  nmiWindow = false;
  eventPending = false;

  constructor(
    private readonly host: HostComputer,
    readonly asid: number,
  ) {
    const { memory } = host;
    this.vmcb = new Vmcb(memory, memory.allocate(1));
    this.gprs = memory.allocate(1);
    this.fpu = this.gprs + 512;
    this.iopm = memory.allocate(3);
    this.msrpm = memory.allocate(2);
  }

  /** Index into the memory's words of general register `index`. */
  gprWord(index: number): number { return (this.host.memory.offset(this.gprs) >>> 2) + index * 2; }

  destroy(): void {
    const { memory } = this.host;
    memory.free(this.vmcb.physical, 1);
    memory.free(this.gprs, 1);
    memory.free(this.iopm, 3);
    memory.free(this.msrpm, 2);
  }
}

export type SvmDriverVcpu = DriverVcpu<SvmVcpu>;

/** The instruction is done: next RIP, no shadow, RF clear; the guest's time goes on by it. */
export function advance(cpu: HostCpu, { vmcb }: SvmVcpu): void {
  vmcb.set(Field.rip, vmcb.low(Field.nextRip), vmcb.high(Field.nextRip));
  vmcb.setLow(Field.rflags, vmcb.low(Field.rflags) & ~resumeFlag);
  vmcb.setLow(Field.interruptShadow, vmcb.low(Field.interruptShadow) & ~1);
  cpu.accountInstruction();
}

