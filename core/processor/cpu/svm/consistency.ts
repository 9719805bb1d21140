/**
 * What VMRUN checks before it enters a guest (APM vol. 2, section 15.5.1): one row for each rule; a broken one is VMEXIT_INVALID. What is
 * not here is not checked: segments are taken as they are, RIP and bases need not be canonical.
 */
import { Attribute, Cr0, Cr4, Efer } from '../../state/registers.ts';
import { cr4Defined, eferDefined } from '../control-registers.ts';
import type { CpuCore } from '../core.ts';
import { ExitCode } from './exit-code.ts';
import { Control, EventInfo, InjectionType, injectionType, Save } from './vmcb.ts';

const svmLeaf = 0x8000_000a;
const vmcbWords = 0x1000 / 4;

/** A VMCB, as rules read it, and the processor that is to run it. */
export class Candidate {
  words: Int32Array = new Int32Array(0);
  /** Word index of the VMCB. */
  at = 0;
  hostPaged = true;
  readonly cr4Reserved: number;
  readonly eferReserved: number;
  /** Of the upper half of a physical address. */
  readonly addressReserved: number;

  readonly #asids: number;

  constructor(cpu: CpuCore) {
    const { model } = cpu;
    this.#asids = model.leaves.find(({ leaf }) => leaf === svmLeaf)?.ebx ?? 1;
    this.cr4Reserved = ~cr4Defined(cpu);
    this.eferReserved = ~(eferDefined(cpu) | Efer.svme);
    this.addressReserved = model.physicalBits >= 64 ? 0 : ~(2 ** (model.physicalBits - 32) - 1);
  }

  low(field: number): number {
    return this.#read(field >> 2);
  }
  high(field: number): number {
    return this.#read((field >> 2) + 1);
  }

  // Rules look at nothing but words of the VMCB and whether the host pages: where those are what they were, so is the answer.
  readonly #seen = new Int32Array(vmcbWords);
  readonly #readAlready = new Uint8Array(vmcbWords);
  readonly #places: number[] = [];
  #examined = false;
  #examinedPaged = false;

  #read(word: number): number {
    const value = this.words[this.at + word];
    if (this.#readAlready[word] === 0) {
      this.#readAlready[word] = 1;
      this.#places.push(word);
      this.#seen[word] = value;
    }
    return value;
  }

  /** Every word that the last examination has read is what it was. */
  get unchanged(): boolean {
    if (!this.#examined || this.hostPaged !== this.#examinedPaged) return false;
    const { words, at } = this;
    const places = this.#places;
    const seen = this.#seen;
    for (let n = 0; n < places.length; n++) if (words[at + places[n]] !== seen[places[n]]) return false;
    return true;
  }

  /** An examination begins, or has found everything consistent. */
  begin(): void {
    this.#examined = false;
    this.#places.length = 0;
    this.#readAlready.fill(0);
  }
  approve(): void {
    this.#examined = true;
    this.#examinedPaged = this.hostPaged;
  }
  beyondMemory(field: number): boolean {
    return (this.high(field) & this.addressReserved) !== 0;
  }

  /** Zero is the host's. */
  get foreignAsid(): boolean {
    const asid = this.low(Control.asid) >>> 0;
    return asid === 0 || asid >= this.#asids >>> 0;
  }
  get cr0(): number {
    return this.low(Save.cr0);
  }
  get cr4(): number {
    return this.low(Save.cr4);
  }
  /** Long mode is to be active. */
  get longPaged(): boolean {
    return (this.low(Save.efer) & Efer.lme) !== 0 && (this.cr0 & Cr0.pg) !== 0;
  }
  get nestedPaging(): boolean {
    return (this.low(Control.nestedControl) & 1) !== 0;
  }
  /** Attributes of CS are the upper half of its first word. */
  get codeAttributes(): number {
    return this.low(Save.cs) >>> 16;
  }
}

export interface Rule {
  readonly name: string;
  readonly broken: (vmcb: Candidate) => boolean;
}

const rule = (name: string, broken: Rule['broken']): Rule => ({ name, broken });

export const rules: readonly Rule[] = [
  rule('EFER.SVME is clear', v => (v.low(Save.efer) & Efer.svme) === 0),
  rule('reserved bits of EFER', v => (v.low(Save.efer) & v.eferReserved) !== 0 || v.high(Save.efer) !== 0),
  rule('CR0.NW without CR0.CD', v => (v.cr0 & (Cr0.cd | Cr0.nw)) === Cr0.nw),
  rule('CR0 bits 63:32', v => v.high(Save.cr0) !== 0),
  rule('reserved bits of CR3', v => v.beyondMemory(Save.cr3)),
  rule('reserved bits of CR4', v => (v.cr4 & v.cr4Reserved) !== 0 || v.high(Save.cr4) !== 0),
  rule('DR6 bits 63:32', v => v.high(Save.dr6) !== 0),
  rule('DR7 bits 63:32', v => v.high(Save.dr7) !== 0),
  rule('long mode without CR4.PAE', v => v.longPaged && (v.cr4 & Cr4.pae) === 0),
  rule('long mode without CR0.PE', v => v.longPaged && (v.cr0 & Cr0.pe) === 0),
  rule(
    'long mode with CS.L and CS.D',
    v => v.longPaged && (~v.codeAttributes & (Attribute.long | Attribute.big)) === 0,
  ),
  rule('VMRUN is not intercepted', v => !interceptsVmrun(v)),
  rule('IOPM beyond memory', v => lastByteBeyond(v, Control.iopmBase, 0x2fff)),
  rule('MSRPM beyond memory', v => lastByteBeyond(v, Control.msrpmBase, 0x1fff)),
  rule('ASID 0, or one that there is not', v => v.foreignAsid),
  rule('illegal event injection', illegalInjection),
  rule('nested paging in a host without paging', v => v.nestedPaging && !v.hostPaged),
  rule('reserved bits of the nested CR3', v => v.nestedPaging && v.beyondMemory(Control.nestedRoot)),
  rule(
    'memory type in the guest PAT',
    v => v.nestedPaging && !(validPat(v.low(Save.pat)) && validPat(v.high(Save.pat))),
  ),
];

export function isInconsistent(candidate: Candidate): boolean {
  if (candidate.unchanged) return false;
  candidate.begin();
  for (let n = 0; n < rules.length; n++) if (rules[n].broken(candidate)) return true;
  candidate.approve();
  return false;
}

const interceptsVmrun = (v: Candidate): boolean =>
  ((v.low((ExitCode.vmrun >> 5) * 4) >>> (ExitCode.vmrun & 31)) & 1) !== 0;

function lastByteBeyond(v: Candidate, field: number, last: number): boolean {
  const carry = ((v.low(field) & ~0xfff) >>> 0) + last > 0xffff_ffff ? 1 : 0;
  return ((v.high(field) + carry) & v.addressReserved) !== 0;
}

/** Each byte is one of 0, 1, 4, 5, 6, 7. */
function validPat(word: number): boolean {
  if ((word & 0xf8f8_f8f8) !== 0) return false;
  // 2 and 3: bit 1 without bit 2.
  return (word & ~(word >>> 1) & 0x0202_0202) === 0;
}

function illegalInjection(v: Candidate): boolean {
  const info = v.low(Control.eventInjection);
  if ((info & EventInfo.valid) === 0) return false;
  const vector = info & 0xff;
  switch (injectionType(info)) {
    case InjectionType.external:
    case InjectionType.nmi:
    case InjectionType.software:
      return false;
    case InjectionType.exception:
      // NMI is no exception; INTO and BOUND do not exist in 64-bit code.
      return (
        vector === 2 ||
        vector > 31 ||
        ((vector === 4 || vector === 5) && v.longPaged && (v.codeAttributes & Attribute.long) !== 0)
      );
    default:
      return true;
  }
}
