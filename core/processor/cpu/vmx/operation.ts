/**
 * VMX operation and the VMX instructions that neither enter a guest nor invalidate translations (SDM vol. 3, chapter 31): what they do
 * once mode, privilege and operands have been seen to.
 */
import { state as layout } from '../../state/layout.ts';
import { Cr4, Flag, Vector } from '../../state/registers.ts';
import type { Cpu } from '../cpu.ts';
import { VmxOutcome } from '../host-cpu.ts';
import { cr0Fixed, cr4Fixed, revision } from './capabilities.ts';
import { Dirty, Field, FieldType, FieldWidth, fieldDirt, isField, readOffset, typeOf, widthOf } from './fields.ts';
import { InstructionError } from './reasons.ts';
import { Vmcs } from './vmcs.ts';

/** IA32_FEATURE_CONTROL. */
export const FeatureControl = { lock: 1, insideSmx: 2, outsideSmx: 4 } as const;

const widthMask = [0xffff, -1, -1, -1];
const isWide = (width: number): boolean => width === FieldWidth.bits64 || width === FieldWidth.natural;

export class Operation {
  /** VMXON has been executed. */
  active = false;
  featureControl = 0;
  readonly vmcs: Vmcs;
  /** After `read`. */
  low = 0;
  high = 0;
  #vmxonLow = -1;
  #vmxonHigh = -1;
  readonly #beyondWidth: number;

  constructor(
    private readonly cpu: Cpu,
    private readonly cr4Allowed: number,
  ) {
    this.vmcs = new Vmcs(cpu.physical);
    this.#beyondWidth = ~(2 ** (cpu.model.physicalBits - 32) - 1);
  }

  reset(): void {
    this.active = false;
    this.vmcs.deselect();
  }

  /** VMfail: with a current VMCS the error has a number. */
  fail(error: number): VmxOutcome {
    if (!this.vmcs.valid) return VmxOutcome.failInvalid;
    this.vmcs.set(Field.instructionError, error);
    return VmxOutcome.failValid;
  }

  /** 4 KiB-aligned, within the physical width. */
  #isRegion(low: number, high: number): boolean {
    return (low & 0xfff) === 0 && (high & this.#beyondWidth) === 0;
  }
  #isVmxon(low: number, high: number): boolean {
    return low === this.#vmxonLow && high === this.#vmxonHigh;
  }
  #revisionAt(low: number, high: number): number {
    const { physical } = this.cpu;
    const page = physical.locate(low, high);
    return page === 0 ? -1 : physical.load32(page);
  }

  /** Before the operand is read: #GP(0) where VMX operation cannot begin. A20M mode, another reason, does not exist here. */
  checkVmxon(): void {
    const { cpu } = this;
    const { cr0, cr4 } = cpu.state;
    const enabled = FeatureControl.lock | FeatureControl.outsideSmx;
    if ((cr0Fixed & ~cr0) !== 0 || (cr4Fixed & ~cr4) !== 0 || (cr4 & ~this.cr4Allowed) !== 0) cpu.raise(Vector.gp, 0);
    if ((this.featureControl & enabled) !== enabled) cpu.raise(Vector.gp, 0);
  }

  vmxon(low: number, high: number): VmxOutcome {
    if (!this.#isRegion(low, high) || this.#revisionAt(low, high) !== revision) return VmxOutcome.failInvalid;
    this.active = true;
    this.cpu.monitor.armed = false;
    this.#vmxonLow = low;
    this.#vmxonHigh = high;
    this.vmcs.deselect();
    return VmxOutcome.succeed;
  }

  vmxoff(): VmxOutcome {
    this.active = false;
    this.vmcs.deselect();
    return VmxOutcome.succeed;
  }

  vmclear(low: number, high: number): VmxOutcome {
    const { vmcs } = this;
    if (!this.#isRegion(low, high)) return this.fail(InstructionError.vmclearAddress);
    if (this.#isVmxon(low, high)) return this.fail(InstructionError.vmclearVmxonPointer);
    if (!vmcs.clear(low, high)) return this.fail(InstructionError.vmclearAddress);
    if (vmcs.isAt(low, high)) vmcs.deselect();
    return VmxOutcome.succeed;
  }

  vmptrld(low: number, high: number): VmxOutcome {
    if (!this.#isRegion(low, high)) return this.fail(InstructionError.vmptrldAddress);
    if (this.#isVmxon(low, high)) return this.fail(InstructionError.vmptrldVmxonPointer);
    if (this.#revisionAt(low, high) !== revision) return this.fail(InstructionError.vmptrldRevision);
    if (this.cpu.physical.locateWritable(low, high) === 0) return this.fail(InstructionError.vmptrldAddress);
    this.vmcs.select(low, high);
    return VmxOutcome.succeed;
  }

  /** VMREAD: the value goes to (low, high). */
  read(encoding: number): VmxOutcome {
    const { vmcs } = this;
    const { base, words } = vmcs;
    if (base === 0) return VmxOutcome.failInvalid;
    const offset = readOffset(encoding);
    if (offset === 0) return this.fail(InstructionError.unsupportedField);
    this.low = words[base + offset];
    this.high = (encoding & 1) !== 0 ? 0 : words[base + offset + 1];
    return VmxOutcome.succeed;
  }

  /** VMWRITE. Narrow fields ignore the bits that they do not have. */
  write(encoding: number, low: number, high: number): VmxOutcome {
    const { vmcs } = this;
    if (!vmcs.valid) return VmxOutcome.failInvalid;
    if (!isField(encoding)) return this.fail(InstructionError.unsupportedField);
    if (typeOf(encoding) === FieldType.readOnly) return this.fail(InstructionError.readOnlyField);
    vmcs.dirty |= fieldDirt[encoding >> 1];
    // Virtual-8086 mode has rules of its own about segments.
    if (encoding === Field.guestRflags && ((vmcs.low(encoding) ^ low) & Flag.vm) !== 0) vmcs.dirty = Dirty.all;
    const width = widthOf(encoding);
    if ((encoding & 1) !== 0) vmcs.setHigh(encoding, low);
    else vmcs.set(encoding, low & widthMask[width], isWide(width) ? high : 0);
    return VmxOutcome.succeed;
  }

  /** CR4.VMXE, which VMXON needs and which stays set while VMX operation lasts. */
  get enabled(): boolean {
    return (this.cpu.state.low(layout.cr4.offset) & Cr4.vmxe) !== 0;
  }
}
