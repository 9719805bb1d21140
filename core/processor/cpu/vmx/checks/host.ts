/** Checks on the host-state area (SDM vol. 3, sections 27.2.2 to 27.2.4): VMfailValid with error 8. */
import { Cr4, Efer } from '../../../state/registers.ts';
import { cr0Fixed, cr4Fixed } from '../capabilities.ts';
import { Exit } from '../controls.ts';
import { Field } from '../fields.ts';
import { type Candidate, isPat, type Rule } from './candidate.ts';

const selectors = [Field.hostEs, Field.hostCs, Field.hostSs, Field.hostDs, Field.hostFs, Field.hostGs, Field.hostTr];
const addresses = [
  Field.hostFsBase,
  Field.hostGsBase,
  Field.hostTrBase,
  Field.hostGdtrBase,
  Field.hostIdtrBase,
  Field.hostSysenterEsp,
  Field.hostSysenterEip,
];

function anyOf(fields: readonly number[], wrong: (field: number) => boolean): boolean {
  for (let n = 0; n < fields.length; n++) if (wrong(fields[n])) return true;
  return false;
}

function wrongEfer({ vmcs, eferDefined, host64 }: Candidate): boolean {
  const low = vmcs.low(Field.hostEfer);
  const long = Efer.lma | Efer.lme;
  return vmcs.high(Field.hostEfer) !== 0 || (low & ~eferDefined) !== 0 || (low & long) !== (host64 ? long : 0);
}

export const hostRules: readonly Rule[] = [
  {
    rule: 'CR0 fixed bits',
    broken: ({ vmcs }) => (cr0Fixed & ~vmcs.low(Field.hostCr0)) !== 0 || vmcs.high(Field.hostCr0) !== 0,
  },
  {
    rule: 'CR4 fixed bits',
    broken: ({ vmcs, cr4Allowed }) =>
      (cr4Fixed & ~vmcs.low(Field.hostCr4)) !== 0 ||
      (vmcs.low(Field.hostCr4) & ~cr4Allowed) !== 0 ||
      vmcs.high(Field.hostCr4) !== 0,
  },
  { rule: 'CR3 within the physical width', broken: c => !c.isInWidth(Field.hostCr3) },
  { rule: 'addresses are canonical', broken: c => anyOf(addresses, field => !c.isCanonical(field)) },
  {
    rule: 'PAT',
    broken: ({ exit, vmcs }) =>
      (exit & Exit.loadPat) !== 0 && !isPat(vmcs.low(Field.hostPat), vmcs.high(Field.hostPat)),
  },
  { rule: 'EFER', broken: c => (c.exit & Exit.loadEfer) !== 0 && wrongEfer(c) },
  {
    rule: 'selectors have RPL and TI 0',
    broken: ({ vmcs }) => anyOf(selectors, field => (vmcs.low(field) & 7) !== 0),
  },
  { rule: 'CS is not null', broken: ({ vmcs }) => (vmcs.low(Field.hostCs) & 0xffff) === 0 },
  { rule: 'TR is not null', broken: ({ vmcs }) => (vmcs.low(Field.hostTr) & 0xffff) === 0 },
  {
    rule: 'SS is not null outside of a 64-bit host',
    broken: ({ vmcs, host64 }) => !host64 && (vmcs.low(Field.hostSs) & 0xffff) === 0,
  },
  { rule: 'a host in IA-32e mode is a 64-bit host', broken: c => c.cpu.isLong && !c.host64 },
  { rule: 'no 64-bit host or guest from a legacy host', broken: c => !c.cpu.isLong && (c.host64 || c.guest64) },
  { rule: 'no IA-32e mode guest without a 64-bit host', broken: c => !c.host64 && c.guest64 },
  {
    rule: 'PCIDs need a 64-bit host',
    broken: ({ vmcs, host64 }) => !host64 && (vmcs.low(Field.hostCr4) & Cr4.pcide) !== 0,
  },
  { rule: 'RIP of a 32-bit host', broken: ({ vmcs, host64 }) => !host64 && vmcs.high(Field.hostRip) !== 0 },
  {
    rule: 'a 64-bit host needs PAE',
    broken: ({ vmcs, host64 }) => host64 && (vmcs.low(Field.hostCr4) & Cr4.pae) === 0,
  },
  { rule: 'RIP of a 64-bit host is canonical', broken: c => c.host64 && !c.isCanonical(Field.hostRip) },
];
