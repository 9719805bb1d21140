/** Checks on VMX controls (SDM vol. 3, section 27.2.1): VMfailValid with error 7. */
import { Cr0, hasErrorCode } from '../../../state/registers.ts';
import { EventType } from '../../virtualization.ts';
import { cr3Targets } from '../capabilities.ts';
import {
  type Allowed,
  allowedEntry,
  allowedExit,
  allowedPin,
  allowedPrimary,
  Exit,
  Pin,
  Primary,
  Secondary,
} from '../controls.ts';
import { isEptPointer } from '../ept.ts';
import { Field } from '../fields.ts';
import type { Candidate, Rule } from './candidate.ts';

const outside = (value: number, { mustTrue, may }: Allowed): boolean =>
  (mustTrue & ~value) !== 0 || (value & ~may) !== 0;

/** Aligned to 16 bytes, with its last byte within the physical width. */
function isArea({ vmcs, physicalBits }: Candidate, address: number, count: number): boolean {
  const entries = vmcs.low(count) >>> 0;
  if (entries === 0) return true;
  const low = vmcs.low(address);
  const last = (vmcs.high(address) >>> 0) * 2 ** 32 + (low >>> 0) + entries * 16 - 1;
  return (low & 0xf) === 0 && last < 2 ** physicalBits;
}

/** #DF, #TS, #NP, #SS, #GP, #PF and #AC have an error code. */
const errorDelivered = 1 << 11;
const otherEvent = 7;

const isSoftware = (type: number): boolean =>
  type === EventType.software || type === EventType.privilegedSoftware || type === EventType.softwareException;

export const controlRules: readonly Rule[] = [
  { rule: 'pin-based controls are allowed', broken: c => outside(c.pin, allowedPin) },
  { rule: 'primary processor-based controls are allowed', broken: c => outside(c.primary, allowedPrimary) },
  { rule: 'secondary processor-based controls are allowed', broken: c => (c.secondary & ~c.secondaryAllowed) !== 0 },
  { rule: 'VM-exit controls are allowed', broken: c => outside(c.exit, allowedExit) },
  { rule: 'VM-entry controls are allowed', broken: c => outside(c.entry, allowedEntry) },
  { rule: 'at most four CR3 targets', broken: c => c.vmcs.low(Field.cr3TargetCount) >>> 0 > cr3Targets },
  {
    rule: 'I/O bitmaps are pages',
    broken: c => (c.primary & Primary.ioBitmaps) !== 0 && !(c.isPage(Field.ioBitmapA) && c.isPage(Field.ioBitmapB)),
  },
  {
    rule: 'the MSR bitmap is a page',
    broken: c => (c.primary & Primary.msrBitmap) !== 0 && !c.isPage(Field.msrBitmap),
  },
  { rule: 'virtual NMIs need NMI exiting', broken: c => (c.pin & Pin.virtualNmi) !== 0 && (c.pin & Pin.nmi) === 0 },
  {
    rule: 'NMI-window exiting needs virtual NMIs',
    broken: c => (c.primary & Primary.nmiWindow) !== 0 && (c.pin & Pin.virtualNmi) === 0,
  },
  {
    rule: 'VPID is not 0',
    broken: c => (c.secondary & Secondary.vpid) !== 0 && (c.vmcs.low(Field.vpid) & 0xffff) === 0,
  },
  {
    rule: 'the EPT pointer is valid',
    broken: c =>
      (c.secondary & Secondary.ept) !== 0 &&
      !isEptPointer(c.vmcs.low(Field.eptPointer), c.vmcs.high(Field.eptPointer), c.beyondWidth),
  },
  { rule: 'an unrestricted guest needs EPT', broken: c => c.unrestricted && (c.secondary & Secondary.ept) === 0 },
  {
    rule: 'saving the preemption timer needs the timer',
    broken: c => (c.exit & Exit.savePreemptionTimer) !== 0 && (c.pin & Pin.preemptionTimer) === 0,
  },
  { rule: 'exit MSR-store area', broken: c => !isArea(c, Field.exitMsrStore, Field.exitMsrStoreCount) },
  { rule: 'exit MSR-load area', broken: c => !isArea(c, Field.exitMsrLoad, Field.exitMsrLoadCount) },
  { rule: 'entry MSR-load area', broken: c => !isArea(c, Field.entryMsrLoad, Field.entryMsrLoadCount) },

  { rule: 'injection: reserved bits', broken: c => c.injects && (c.interruption & 0x7fff_f000) !== 0 },
  {
    rule: 'injection: type',
    broken: c => c.injects && (c.eventType === 1 || (c.eventType === otherEvent && c.eventVector !== 0)),
  },
  {
    rule: 'injection: an NMI has vector 2',
    broken: c => c.injects && c.eventType === EventType.nmi && c.eventVector !== 2,
  },
  {
    rule: 'injection: exceptions have vectors below 32',
    broken: c => c.injects && c.eventType === EventType.exception && c.eventVector > 31,
  },
  {
    rule: 'injection: error code exactly where the exception has one',
    broken: c => {
      if (!c.injects) return false;
      const has = c.eventType === EventType.exception && hasErrorCode(c.eventVector);
      const isProtected = !c.unrestricted || (c.cr0 & Cr0.pe) !== 0;
      return (has && isProtected) !== ((c.interruption & errorDelivered) !== 0);
    },
  },
  {
    rule: 'injection: bits 31:16 of the error code',
    broken: c => c.injects && (c.interruption & errorDelivered) !== 0 && c.vmcs.low(Field.entryErrorCode) >>> 16 !== 0,
  },
  {
    rule: 'injection: instruction length up to 15',
    broken: c => c.injects && isSoftware(c.eventType) && c.vmcs.low(Field.entryInstructionLength) >>> 0 > 15,
  },
];
