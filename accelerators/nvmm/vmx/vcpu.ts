/** What the VMX backend keeps for a VCPU (struct vmx_cpudata). */
import { Dr6, Flag, type HostComputer, type HostCpu } from '#core';
import type { DriverMachine, DriverVcpu } from '../driver/machine.ts';
import { Vector } from '../x86/exception.ts';
import { X86Vcpu } from '../x86/vcpu.ts';
import { injectException } from './event.ts';
import { Field, Interruptibility } from './fields.ts';
import { residentMsrs } from './msr.ts';

export class VmxVcpu extends X86Vcpu {
  readonly vmcs: number;
  readonly msrBitmap: number;
  /** Values of `residentMsrs`, (low, high) each, while they are not in the CPU. */
  readonly msrs = new Int32Array(2 * residentMsrs.length);
  dr6 = 0xffff_0ff0n;
  #cr2 = 0n;
  // As words, for the comm page.
  cr2Low = 0;
  cr2High = 0;
  cr8 = 0;

  launched = false;
  exitOnTpr = false;

  constructor(
    host: HostComputer,
    readonly machine: DriverMachine,
    readonly vpid: number,
  ) {
    super(host);
    const { memory } = host;
    this.vmcs = memory.allocate(1);
    this.msrBitmap = memory.allocate(1);
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

  gprWord(index: number): number {
    return this.generalWords + index * 2;
  }

  override destroy(): void {
    super.destroy();
    const { memory } = this.host;
    memory.free(this.vmcs, 1);
    memory.free(this.msrBitmap, 1);
  }
}

export type VmxDriverVcpu = DriverVcpu<VmxVcpu>;

const singleStep = BigInt(Dr6.bs);

/**
 * Ends an instruction that the driver has done for the guest. RIP moves on, the interrupt shadow ends, RF is cleared, the guest's time counts the
 * instruction, and a single-step trap follows if TF is set.
 */
export function advance(cpu: HostCpu, vcpu: VmxVcpu): void {
  const length = cpu.vmread(Field.exitInstructionLength);
  const low = cpu.vmread(Field.guestRip);
  const high = cpu.vmreadHigh;
  const next = (low >>> 0) + length;
  cpu.vmwrite(Field.guestRip, next | 0, next > 0xffff_ffff ? (high + 1) | 0 : high);
  const rflags = cpu.vmread(Field.guestRflags);
  if (rflags & Flag.rf) cpu.vmwrite(Field.guestRflags, rflags & ~Flag.rf, 0);
  const interruptibility = cpu.vmread(Field.guestInterruptibility);
  const blocked = Interruptibility.sti | Interruptibility.movSs;
  if (interruptibility & blocked) cpu.vmwrite(Field.guestInterruptibility, interruptibility & ~blocked);
  cpu.accountInstruction();
  if (!(rflags & Flag.tf)) return;
  cpu.writeDebug(6, cpu.readDebug(6) | singleStep);
  injectException(cpu, vcpu, Vector.db, 0);
}
