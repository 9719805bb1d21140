/** What the SVM backend keeps for a VCPU (struct svm_cpudata). */
import { Dr6, Flag, type HostComputer, type HostCpu } from '#core';
import { Gpr } from '../abi.ts';
import type { DriverVcpu } from '../driver/machine.ts';
import { Vector } from '../x86/exception.ts';
import { offset, offsetFor } from '../x86/timestamp.ts';
import { X86Vcpu } from '../x86/vcpu.ts';
import { injectException } from './event.ts';
import { Clean, Field, Vmcb } from './vmcb.ts';

export class SvmVcpu extends X86Vcpu {
  readonly vmcb: Vmcb;
  readonly iopm: number;
  readonly msrpm: number;
  /** The guest's DR6, while `hidden`: what intercepts note in the VMCB is the emulator's. */
  shadowStatus = 0;
  /** Whether IRET is being stepped over. NMIs stay blocked until it has ended. */
  nmiStep: 'none' | 'stepping' | 'steppingForGuest' = 'none';

  constructor(
    host: HostComputer,
    readonly asid: number,
  ) {
    super(host);
    const { memory } = host;
    this.vmcb = new Vmcb(memory, memory.allocate(1));
    this.iopm = memory.allocate(3);
    this.msrpm = memory.allocate(2);
  }

  /** VMRUN keeps rAX in the VMCB. */
  gprWord(index: number): number {
    return index === Gpr.rax ? this.vmcb.wordOf(Field.rax) : this.generalWords + index * 2;
  }

  override destroy(): void {
    super.destroy();
    const { memory } = this.host;
    memory.free(this.vmcb.physical, 1);
    memory.free(this.iopm, 3);
    memory.free(this.msrpm, 2);
  }
}

export type SvmDriverVcpu = DriverVcpu<SvmVcpu>;

/** The guest's time-stamp counter reads as given, now. */
export function setTimestampCounter(cpu: HostCpu, { vmcb }: SvmVcpu, low: number, high: number): void {
  offsetFor(cpu, low, high);
  vmcb.set(Field.tscOffset, offset.low, offset.high);
  vmcb.dirty(Clean.intercepts);
}

/**
 * Ends an instruction that the driver has done for the guest. RIP moves on, the interrupt shadow ends, RF is cleared, the guest's time counts the
 * instruction, and a single-step trap follows if TF is set.
 */
export function advance(cpu: HostCpu, vcpu: SvmVcpu): void {
  const { vmcb } = vcpu;
  vmcb.set(Field.rip, vmcb.low(Field.nextRip), vmcb.high(Field.nextRip));
  vmcb.setLow(Field.rflags, vmcb.low(Field.rflags) & ~Flag.rf);
  vmcb.setLow(Field.interruptShadow, vmcb.low(Field.interruptShadow) & ~1);
  cpu.accountInstruction();
  endStep(vcpu);
}

/** Injects a single-step trap after an instruction that has retired, if the guest's TF is set. */
export function endStep(vcpu: SvmVcpu): void {
  const { vmcb } = vcpu;
  if (!(vmcb.low(Field.rflags) & Flag.tf)) return;
  if (vcpu.hidden) vcpu.shadowStatus |= Dr6.bs;
  else vmcb.setLow(Field.dr6, vmcb.low(Field.dr6) | Dr6.bs);
  vmcb.dirty(Clean.debug);
  injectException(vcpu, Vector.db, 0);
}
