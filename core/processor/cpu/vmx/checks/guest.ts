/** Checks on the guest-state area but for segments (SDM vol. 3, section 27.3.1): an exit with reason 33. */
import { Cr0, Cr4, DebugControl, Efer, Flag, Vector } from '../../../state/registers.ts';
import { debugControlDefined } from '../../branches.ts';
import { EventType } from '../../virtualization.ts';
import { cr0Fixed, cr4Fixed, revision } from '../capabilities.ts';
import { Entry, Pin, Secondary } from '../controls.ts';
import { Field } from '../fields.ts';
import { GuestActivity, Interruptibility, PendingDebug } from '../reasons.ts';
import { type Candidate, isPat, type Rule } from './candidate.ts';
import { segmentRules } from './segment.ts';

const Segment = { cs: 1, ss: 2 } as const;
/** Exit qualifications (section 27.8). */
export const EntryFailure = { pdpte: 2, linkPointer: 4 } as const;

const codeLong = 1 << 13;
const otherEvent = 7;
const rflagsReserved = 0xffc0_8028 | 0;
const blocking = Interruptibility.sti | Interruptibility.stackShadow;

function wrongEfer({ vmcs, eferDefined, guest64, paging }: Candidate): boolean {
  const low = vmcs.low(Field.guestEfer);
  if (vmcs.high(Field.guestEfer) !== 0 || (low & ~eferDefined) !== 0) return true;
  const active = (low & Efer.lma) !== 0;
  return active !== guest64 || (paging && active !== ((low & Efer.lme) !== 0));
}

function wrongRip({ vmcs, guest64 }: Candidate, rights: number): boolean {
  const high = vmcs.high(Field.guestRip);
  if (!guest64 || (rights & codeLong) === 0) return high !== 0;
  // Bits 63:48 are equal; bit 47 may differ, and fetching faults then.
  return high >> 16 !== 0 && high >> 16 !== -1;
}

/** What may wake a guest that enters halted, shut down or waiting. */
function wrongInActivity({ eventType, eventVector }: Candidate, activity: number): boolean {
  switch (activity) {
    case GuestActivity.active:
      return false;
    case GuestActivity.hlt:
      if (eventType === EventType.exception) return eventVector !== Vector.db && eventVector !== Vector.mc;
      return eventType !== EventType.external && eventType !== EventType.nmi && eventType !== otherEvent;
    case GuestActivity.shutdown:
      return eventType !== EventType.nmi && !(eventType === EventType.exception && eventVector === Vector.mc);
    default:
      return true;
  }
}

function wrongStep({ vmcs, rflags }: Candidate): boolean {
  const waits =
    (vmcs.low(Field.guestInterruptibility) & blocking) !== 0 || vmcs.low(Field.guestActivity) === GuestActivity.hlt;
  const stepping = (rflags & Flag.tf) !== 0 && (vmcs.low(Field.guestDebugControl) & DebugControl.btf) === 0;
  return waits && stepping !== ((vmcs.low(Field.guestPendingDebug) & PendingDebug.step) !== 0);
}

function wrongLink(candidate: Candidate): boolean {
  const { cpu, vmcs } = candidate;
  const low = vmcs.low(Field.linkPointer);
  const high = vmcs.high(Field.linkPointer);
  if (low === -1 && high === -1) return false;
  if (!candidate.isPage(Field.linkPointer) || vmcs.isAt(low, high)) return true;
  const page = cpu.physical.locate(low, high);
  return page === 0 || cpu.physical.load32(page) !== revision;
}

/** PDPTE fields, where EPT is on. Without it they are loaded from memory later on. */
function wrongPdptes(candidate: Candidate): boolean {
  const { vmcs, secondary } = candidate;
  if (!candidate.guestPae || (secondary & Secondary.ept) === 0) return false;
  for (let field: number = Field.guestPdpte0; field <= Field.guestPdpte3; field += 2) {
    const low = vmcs.low(field);
    if ((low & 1) !== 0 && ((low & 0x1e6) !== 0 || !candidate.isInWidth(field))) return true;
  }
  return false;
}

/** Registers, segments, tables, pointers: what only VMWRITE can spoil. */
export const guestRules: readonly Rule[] = [
  {
    rule: 'CR0 fixed bits',
    broken: ({ vmcs, cr0, unrestricted }) =>
      ((unrestricted ? cr0Fixed & ~(Cr0.pe | Cr0.pg) : cr0Fixed) & ~cr0) !== 0 || vmcs.high(Field.guestCr0) !== 0,
  },
  { rule: 'paging needs protection', broken: ({ cr0 }) => (cr0 & Cr0.pg) !== 0 && (cr0 & Cr0.pe) === 0 },
  {
    rule: 'CR4 fixed bits',
    broken: ({ vmcs, cr4Allowed }) =>
      (cr4Fixed & ~vmcs.low(Field.guestCr4)) !== 0 ||
      (vmcs.low(Field.guestCr4) & ~cr4Allowed) !== 0 ||
      vmcs.high(Field.guestCr4) !== 0,
  },
  {
    rule: 'DEBUGCTL',
    broken: ({ cpu, entry, vmcs }) =>
      (entry & Entry.loadDebug) !== 0 &&
      ((vmcs.low(Field.guestDebugControl) & ~debugControlDefined(cpu.model)) !== 0 ||
        vmcs.high(Field.guestDebugControl) !== 0),
  },
  {
    rule: 'IA-32e mode needs paging and PAE',
    broken: c => c.guest64 && !(c.paging && (c.vmcs.low(Field.guestCr4) & Cr4.pae) !== 0),
  },
  { rule: 'PCIDs need IA-32e mode', broken: c => !c.guest64 && (c.vmcs.low(Field.guestCr4) & Cr4.pcide) !== 0 },
  { rule: 'CR3 within the physical width', broken: c => !c.isInWidth(Field.guestCr3) },
  { rule: 'DR7', broken: ({ entry, vmcs }) => (entry & Entry.loadDebug) !== 0 && vmcs.high(Field.guestDr7) !== 0 },
  {
    rule: 'SYSENTER addresses are canonical',
    broken: c => !(c.isCanonical(Field.guestSysenterEsp) && c.isCanonical(Field.guestSysenterEip)),
  },
  {
    rule: 'PAT',
    broken: ({ entry, vmcs }) =>
      (entry & Entry.loadPat) !== 0 && !isPat(vmcs.low(Field.guestPat), vmcs.high(Field.guestPat)),
  },
  { rule: 'EFER', broken: c => (c.entry & Entry.loadEfer) !== 0 && wrongEfer(c) },

  ...segmentRules,

  {
    rule: 'GDTR and IDTR bases are canonical',
    broken: c => !(c.isCanonical(Field.guestGdtrBase) && c.isCanonical(Field.guestIdtrBase)),
  },
  {
    rule: 'GDTR and IDTR limits have 16 bits',
    broken: ({ vmcs }) => (vmcs.low(Field.guestGdtrLimit) | vmcs.low(Field.guestIdtrLimit)) >>> 16 !== 0,
  },
  { rule: 'VMCS link pointer', broken: wrongLink, qualification: EntryFailure.linkPointer },
  { rule: 'PDPTEs', broken: wrongPdptes, qualification: EntryFailure.pdpte },
];

/** RIP and RFLAGS. */
export const instructionRules: readonly Rule[] = [
  { rule: 'RIP', broken: c => wrongRip(c, c.rights(Segment.cs)) },
  {
    rule: 'RFLAGS reserved bits',
    broken: ({ rflags, vmcs }) =>
      (rflags & rflagsReserved) !== 0 || (rflags & Flag.fixed) === 0 || vmcs.high(Field.guestRflags) !== 0,
  },
  {
    rule: 'virtual-8086 mode is in protected mode outside of IA-32e mode',
    broken: ({ virtual8086, guest64, cr0 }) => virtual8086 && (guest64 || (cr0 & Cr0.pe) === 0),
  },
];

/** RIP, RFLAGS, activity, interruptibility and the event to be injected: checked at every entry. */
export const eventRules: readonly Rule[] = [
  ...instructionRules,
  {
    rule: 'an injected external interrupt needs IF',
    broken: c => c.injects && c.eventType === EventType.external && (c.rflags & Flag.if) === 0,
  },

  { rule: 'activity state', broken: ({ vmcs }) => vmcs.low(Field.guestActivity) >>> 0 > GuestActivity.waitForStartup },
  {
    rule: 'HLT needs privilege level 0',
    broken: c => c.vmcs.low(Field.guestActivity) === GuestActivity.hlt && (c.rights(Segment.ss) & 0x60) !== 0,
  },
  {
    rule: 'no inactive state in an interrupt shadow',
    broken: ({ vmcs }) =>
      vmcs.low(Field.guestActivity) !== GuestActivity.active &&
      (vmcs.low(Field.guestInterruptibility) & blocking) !== 0,
  },
  {
    rule: 'the injected event suits the activity state',
    broken: c => c.injects && wrongInActivity(c, c.vmcs.low(Field.guestActivity)),
  },
  {
    rule: 'interruptibility reserved bits',
    broken: ({ vmcs }) => (vmcs.low(Field.guestInterruptibility) & ~0xf) !== 0,
  },
  {
    rule: 'not both interrupt shadows',
    broken: ({ vmcs }) => (vmcs.low(Field.guestInterruptibility) & blocking) === blocking,
  },
  {
    rule: 'the shadow of STI needs IF',
    broken: ({ vmcs, rflags }) =>
      (vmcs.low(Field.guestInterruptibility) & Interruptibility.sti) !== 0 && (rflags & Flag.if) === 0,
  },
  {
    rule: 'no external interrupt into a shadow',
    broken: c =>
      c.injects && c.eventType === EventType.external && (c.vmcs.low(Field.guestInterruptibility) & blocking) !== 0,
  },
  {
    rule: 'no NMI into the shadow of MOV SS',
    broken: c =>
      c.injects &&
      c.eventType === EventType.nmi &&
      (c.vmcs.low(Field.guestInterruptibility) & Interruptibility.stackShadow) !== 0,
  },
  {
    rule: 'no blocking by SMI outside of SMM',
    broken: ({ vmcs }) => (vmcs.low(Field.guestInterruptibility) & Interruptibility.smi) !== 0,
  },
  {
    rule: 'no NMI where virtual NMIs are blocked',
    broken: c =>
      c.injects &&
      c.eventType === EventType.nmi &&
      (c.pin & Pin.virtualNmi) !== 0 &&
      (c.vmcs.low(Field.guestInterruptibility) & Interruptibility.nmi) !== 0,
  },
  {
    rule: 'pending debug exceptions: reserved bits',
    broken: ({ vmcs }) =>
      (vmcs.low(Field.guestPendingDebug) & ~(PendingDebug.conditions | PendingDebug.enabled | PendingDebug.step)) !==
        0 || vmcs.high(Field.guestPendingDebug) !== 0,
  },
  { rule: 'pending debug exceptions: BS and TF', broken: wrongStep },
];

/** Active, nothing to inject, nothing blocked, nothing pending: of `eventRules` only `instructionRules` can be broken. */
export function isQuiet({ injects, vmcs }: Candidate): boolean {
  return (
    !injects &&
    (vmcs.low(Field.guestActivity) |
      vmcs.low(Field.guestInterruptibility) |
      vmcs.low(Field.guestPendingDebug) |
      vmcs.high(Field.guestPendingDebug)) ===
      0
  );
}
