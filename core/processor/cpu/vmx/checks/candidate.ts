/** A VMCS as the checks of VM entry look at it, with what several rules ask for computed once. */
import { Cr0, Cr4, Efer, Flag } from '../../../state/registers.ts';
import type { Cpu } from '../../cpu.ts';
import { Entry, Exit, Primary, Secondary } from '../controls.ts';
import { Field } from '../fields.ts';
import { unusable } from '../reasons.ts';
import type { Vmcs } from '../vmcs.ts';

/** One row of a table of checks: what must hold, in the manual's order, and whether it does not. */
export interface Rule {
  readonly rule: string;
  readonly broken: (candidate: Candidate) => boolean;
  /** Exit qualification of a broken rule about guest state. */
  readonly qualification?: number;
}

export class Candidate {
  pin = 0;
  primary = 0;
  /** 0 unless activated. */
  secondary = 0;
  exit = 0;
  entry = 0;
  interruption = 0;
  rflags = 0;
  cr0 = 0;
  unrestricted = false;
  guest64 = false;
  host64 = false;
  virtual8086 = false;
  /** Physical address bits above these 32 that the processor does not have. */
  readonly beyondWidth: number;
  readonly physicalBits: number;
  readonly eferDefined: number;

  constructor(
    readonly cpu: Cpu,
    readonly vmcs: Vmcs,
    readonly secondaryAllowed: number,
    readonly cr4Allowed: number,
  ) {
    const { features, physicalBits } = cpu.model;
    this.physicalBits = physicalBits;
    this.beyondWidth = ~(2 ** (physicalBits - 32) - 1);
    this.eferDefined = Efer.sce | Efer.lme | Efer.lma | (features.has('nx') ? Efer.nxe : 0);
  }

  /** Takes the VMCS's controls and the guest registers that many rules turn on. */
  examine(): void {
    const { vmcs } = this;
    this.pin = vmcs.low(Field.pinControls);
    this.primary = vmcs.low(Field.primaryControls);
    this.secondary = (this.primary & Primary.secondary) !== 0 ? vmcs.low(Field.secondaryControls) : 0;
    this.exit = vmcs.low(Field.exitControls);
    this.entry = vmcs.low(Field.entryControls);
    this.interruption = vmcs.low(Field.entryInterruption);
    this.rflags = vmcs.low(Field.guestRflags);
    this.cr0 = vmcs.low(Field.guestCr0);
    this.unrestricted = (this.secondary & Secondary.unrestricted) !== 0;
    this.guest64 = (this.entry & Entry.guest64) !== 0;
    this.host64 = (this.exit & Exit.host64) !== 0;
    this.virtual8086 = (this.rflags & Flag.vm) !== 0;
  }

  /** An event is to be injected; its type and vector. */
  get injects(): boolean {
    return this.interruption < 0;
  }
  get eventType(): number {
    return (this.interruption >>> 8) & 7;
  }
  get eventVector(): number {
    return this.interruption & 0xff;
  }
  get paging(): boolean {
    return (this.cr0 & Cr0.pg) !== 0;
  }

  /** PAE paging outside of IA-32e mode. */
  get guestPae(): boolean {
    return this.paging && !this.guest64 && (this.vmcs.low(Field.guestCr4) & Cr4.pae) !== 0;
  }

  isPage(field: number): boolean {
    return (this.vmcs.low(field) & 0xfff) === 0 && this.isInWidth(field);
  }
  isInWidth(field: number): boolean {
    return (this.vmcs.high(field) & this.beyondWidth) === 0;
  }
  /** Bits 63:47 are equal. */
  isCanonical(field: number): boolean {
    const top = this.vmcs.high(field) >> 15;
    return top === 0 || top === -1;
  }

  /** Segments in the VMCS's order: ES CS SS DS FS GS LDTR TR. */
  selector(segment: number): number {
    return this.vmcs.low(Field.guestEs + segment * 2) & 0xffff;
  }
  rights(segment: number): number {
    return this.vmcs.low(Field.guestEsRights + segment * 2);
  }
  limit(segment: number): number {
    return this.vmcs.low(Field.guestEsLimit + segment * 2);
  }
  baseField(segment: number): number {
    return Field.guestEsBase + segment * 2;
  }
  usable(segment: number): boolean {
    return (this.rights(segment) & unusable) === 0;
  }
}

/** The first broken rule, or undefined. */
export function firstBroken(rules: readonly Rule[], candidate: Candidate): Rule | undefined {
  for (let n = 0; n < rules.length; n++) if (rules[n].broken(candidate)) return rules[n];
  return undefined;
}

/** Eight memory types: 0, 1, 4, 5, 6 or 7 each. */
export function isPat(low: number, high: number): boolean {
  return isPatHalf(low) && isPatHalf(high);
}
function isPatHalf(half: number): boolean {
  // No bit above 2 in any byte; and not 2 or 3: bit 1 only with bit 2.
  return (half & 0xf8f8_f8f8) === 0 && (half & 0x0202_0202 & ~(half >>> 1)) === 0;
}
