import type { HostComputer } from '#core';
import type { VcpuExit } from '../abi.ts';
import type { DriverMachine } from '../driver/machine.ts';
import { ExitContext } from '../x86/context.ts';
import type { Registers } from '../x86/cpuid.ts';
import { guestCpuid } from './cpuid.ts';
import { closeInterruptWindow, injectException } from './event.ts';
import { advance, type SvmDriverVcpu, type SvmVcpu } from './vcpu.ts';
import { Field, type Vmcb } from './vmcb.ts';

/** A #VMEXIT under way. */
export class SvmContext extends ExitContext<SvmVcpu> {
  readonly vmcb: Vmcb;

  constructor(host: HostComputer, machine: DriverMachine, vcpu: SvmDriverVcpu, exit: VcpuExit, xcr0Mask: bigint) {
    super(host, machine, vcpu, exit, xcr0Mask);
    this.vmcb = vcpu.data.vmcb;
  }

  advance(): void {
    advance(this.cpu, this.data);
  }
  nextInstruction(reason: number): void {
    const { exit, vmcb } = this;
    exit.reason = reason;
    exit.npcLow = vmcb.low(Field.nextRip);
    exit.npcHigh = vmcb.high(Field.nextRip);
  }
  inject(vector: number, error: number): void {
    injectException(this.data, vector, error);
  }
  closeInterruptWindow(): void {
    closeInterruptWindow(this.data);
  }
  guestCpuid(leaf: number, subleaf: number): Registers {
    return guestCpuid(this.cpu, this.vcpu, leaf, subleaf, this.xcr0Mask);
  }
  get flags(): number {
    return this.vmcb.low(Field.rflags);
  }
  get privilege(): number {
    return this.vmcb.byte(Field.cpl);
  }
}
