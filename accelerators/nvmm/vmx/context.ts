import type { HostComputer } from '#core';
import { Gpr, type VcpuExit } from '../abi.ts';
import type { DriverMachine } from '../driver/machine.ts';
import { ExitContext } from '../x86/context.ts';
import type { Registers } from '../x86/cpuid.ts';
import { dr6Fixed } from '../x86/debug.ts';
import { EntryControl } from './controls.ts';
import { guestCpuid } from './cpuid.ts';
import { injectDebug, injectException, setInterruptWindow } from './event.ts';
import { Field } from './fields.ts';
import { advance, type VmxDriverVcpu, type VmxVcpu } from './vcpu.ts';

/** L of CS. */
const longCode = 1 << 13;

/** A VM exit under way. The VMCS is current. */
export class VmxContext extends ExitContext<VmxVcpu> {
  constructor(
    host: HostComputer,
    machine: DriverMachine,
    vcpu: VmxDriverVcpu,
    exit: VcpuExit,
    xcr0Mask: bigint,
    readonly invpcid: boolean,
  ) {
    super(host, machine, vcpu, exit, xcr0Mask);
  }

  advance(): void {
    advance(this.cpu, this.data);
  }
  nextInstruction(reason: number): void {
    const { cpu, exit } = this;
    exit.reason = reason;
    const length = cpu.vmread(Field.exitInstructionLength);
    const low = (cpu.vmread(Field.guestRip) >>> 0) + length;
    exit.npcHigh = low > 0xffff_ffff ? (cpu.vmreadHigh + 1) | 0 : cpu.vmreadHigh;
    exit.npcLow = low | 0;
  }
  inject(vector: number, error: number): void {
    injectException(this.cpu, this.data, vector, error);
  }
  closeInterruptWindow(): void {
    setInterruptWindow(this.cpu, this.data, false);
  }
  guestCpuid(leaf: number, subleaf: number): Registers {
    const { cpu, vcpu, machine, xcr0Mask, invpcid } = this;
    return guestCpuid(leaf, { cpu, vcpu, subleaf, processors: machine.vcpus.size, invpcid, xcr0Mask });
  }
  get flags(): number {
    return this.cpu.vmread(Field.guestRflags);
  }
  /** The processor has looked before it exited. */
  get privilege(): number {
    return 0;
  }

  // Operands of control-register accesses: any general register.

  registerLow(index: number): number {
    return index === Gpr.rsp ? this.cpu.vmread(Field.guestRsp) : this.general(index);
  }
  registerHigh(index: number): number {
    if (index !== Gpr.rsp) return this.words[this.data.gprWord(index) + 1];
    this.cpu.vmread(Field.guestRsp);
    return this.cpu.vmreadHigh;
  }
  setRegister(index: number, low: number, high = 0): void {
    if (index === Gpr.rsp) this.cpu.vmwrite(Field.guestRsp, low, high);
    else this.setGeneral(index, low, high);
  }

  /** No exit has written it. */
  get debugStatus(): number {
    return Number(this.cpu.readDebug(6));
  }
  set debugStatus(conditions: number) {
    this.cpu.writeDebug(6, BigInt((conditions | dr6Fixed) >>> 0));
  }
  reflectDebug(): void {
    injectDebug(this.cpu, this.data);
  }
  get is64(): boolean {
    const { cpu } = this;
    return (
      (cpu.vmread(Field.entryControls) & EntryControl.guest64) !== 0 &&
      (cpu.vmread(Field.guestCsRights) & longCode) !== 0
    );
  }
}
