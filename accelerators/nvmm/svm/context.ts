import type { HostComputer } from '#core';
import { Gpr, type VcpuExit } from '../abi.ts';
import type { DriverMachine } from '../driver/machine.ts';
import { ExitContext } from '../x86/context.ts';
import type { Registers } from '../x86/cpuid.ts';
import { dr6Fixed } from '../x86/debug.ts';
import { Vector } from '../x86/exception.ts';
import { guestCpuid } from './cpuid.ts';
import { closeInterruptWindow, injectException } from './event.ts';
import { advance, type SvmDriverVcpu, type SvmVcpu } from './vcpu.ts';
import { Field, type Vmcb } from './vmcb.ts';

const longActive = 0x400;
/** L, in the upper half of a segment's first word. */
const longCode = 1 << (16 + 9);

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
  registerLow(index: number): number {
    return index === Gpr.rsp ? this.vmcb.low(Field.rsp) : this.general(index);
  }
  registerHigh(index: number): number {
    return index === Gpr.rsp ? this.vmcb.high(Field.rsp) : this.words[this.data.gprWord(index) + 1];
  }
  setRegister(index: number, low: number, high: number): void {
    if (index === Gpr.rsp) this.vmcb.set(Field.rsp, low, high);
    else this.setGeneral(index, low, high);
  }
  get debugStatus(): number {
    return this.data.shadowStatus;
  }
  set debugStatus(conditions: number) {
    this.data.shadowStatus = conditions | dr6Fixed;
  }
  reflectDebug(): void {
    this.inject(Vector.db, 0);
  }
  get is64(): boolean {
    return (this.vmcb.low(Field.efer) & longActive) !== 0 && (this.vmcb.low(Field.cs) & longCode) !== 0;
  }
  get flags(): number {
    return this.vmcb.low(Field.rflags);
  }
  get privilege(): number {
    return this.vmcb.byte(Field.cpl);
  }
}
