/** Checks on guest segment registers (SDM vol. 3, section 27.3.1.2): an exit with reason 33. */
import { Cr0 } from '../../../state/registers.ts';
import { unusable } from '../reasons.ts';
import type { Candidate, Rule } from './candidate.ts';

/** In the order of the VMCS. */
const [es, cs, ss, ds, fs, gs, ldtr, tr] = [0, 1, 2, 3, 4, 5, 6, 7];
const ordinary = [es, cs, ss, ds, fs, gs];
const data = [es, ds, fs, gs];

const Rights = { type: 0xf, segment: 1 << 4, present: 1 << 7, long: 1 << 13, big: 1 << 14, granular: 1 << 15 } as const;
const reserved = 0xfffe_0f00 | 0;
const virtualRights = 0xf3;

const typeOf = (rights: number): number => rights & Rights.type;
const dplOf = (rights: number): number => (rights >>> 5) & 3;

function anyOf(
  segments: readonly number[],
  candidate: Candidate,
  wrong: (rights: number, segment: number) => boolean,
): boolean {
  for (let n = 0; n < segments.length; n++) {
    const rights = candidate.rights(segments[n]);
    if ((rights & unusable) === 0 && wrong(rights, segments[n])) return true;
  }
  return false;
}

/** CS counts as usable whatever bit 16 says. */
const code = (candidate: Candidate): number => candidate.rights(cs);

/** Limit bits 11:0 not all ones: bytes. Limit bits 31:20 not all zero: pages. */
function wrongGranularity(limit: number, rights: number): boolean {
  const granular = (rights & Rights.granular) !== 0;
  return granular ? (limit & 0xfff) !== 0xfff : limit >>> 20 !== 0;
}

const notVirtual = (broken: (candidate: Candidate) => boolean) => (candidate: Candidate) =>
  !candidate.virtual8086 && broken(candidate);

const isCanonicalBase = (candidate: Candidate, segment: number): boolean =>
  candidate.isCanonical(candidate.baseField(segment));

function wrongVirtual(candidate: Candidate): boolean {
  for (const segment of ordinary) {
    const { vmcs } = candidate;
    const field = candidate.baseField(segment);
    if (vmcs.low(field) !== candidate.selector(segment) << 4 || vmcs.high(field) !== 0) return true;
    if (candidate.limit(segment) !== 0xffff || candidate.rights(segment) !== virtualRights) return true;
  }
  return false;
}

function wrongCodeType(candidate: Candidate): boolean {
  const type = typeOf(code(candidate));
  return !((type & 9) === 9 || (type === 3 && candidate.unrestricted));
}

function wrongCodePrivilege(candidate: Candidate): boolean {
  const rights = code(candidate);
  const stack = dplOf(candidate.rights(ss));
  switch (typeOf(rights)) {
    case 3:
      return dplOf(rights) !== 0;
    case 9:
    case 11:
      return dplOf(rights) !== stack;
    default:
      return dplOf(rights) > stack;
  }
}

export const segmentRules: readonly Rule[] = [
  { rule: 'TR is in the GDT', broken: c => (c.selector(tr) & 4) !== 0 },
  { rule: 'LDTR is in the GDT', broken: c => c.usable(ldtr) && (c.selector(ldtr) & 4) !== 0 },
  {
    rule: 'SS and CS have one RPL',
    broken: notVirtual(c => !c.unrestricted && ((c.selector(ss) ^ c.selector(cs)) & 3) !== 0),
  },
  { rule: 'segments of virtual-8086 mode', broken: c => c.virtual8086 && wrongVirtual(c) },
  {
    rule: 'TR, FS and GS bases are canonical',
    broken: c => !(isCanonicalBase(c, tr) && isCanonicalBase(c, fs) && isCanonicalBase(c, gs)),
  },
  { rule: 'LDTR base is canonical', broken: c => c.usable(ldtr) && !isCanonicalBase(c, ldtr) },
  { rule: 'CS base has 32 bits', broken: c => c.vmcs.high(c.baseField(cs)) !== 0 },
  {
    rule: 'SS, DS and ES bases have 32 bits',
    broken: c => anyOf([ss, ds, es], c, (_, segment) => c.vmcs.high(c.baseField(segment)) !== 0),
  },
  { rule: 'CS type', broken: notVirtual(wrongCodeType) },
  {
    rule: 'SS type',
    broken: notVirtual(c => c.usable(ss) && typeOf(c.rights(ss)) !== 3 && typeOf(c.rights(ss)) !== 7),
  },
  {
    rule: 'data segments are accessed and readable',
    broken: notVirtual(c => anyOf(data, c, rights => (rights & 1) === 0 || (rights & 0xa) === 8)),
  },
  { rule: 'CS is no system segment', broken: notVirtual(c => (code(c) & Rights.segment) === 0) },
  {
    rule: 'segments are no system segments',
    broken: notVirtual(c => anyOf([ss, ds, es, fs, gs], c, rights => (rights & Rights.segment) === 0)),
  },
  { rule: 'CS privilege', broken: notVirtual(wrongCodePrivilege) },
  {
    rule: 'SS privilege is its RPL',
    broken: notVirtual(c => !c.unrestricted && dplOf(c.rights(ss)) !== (c.selector(ss) & 3)),
  },
  {
    rule: 'SS privilege is 0 in real mode',
    broken: notVirtual(c => (typeOf(code(c)) === 3 || (c.cr0 & Cr0.pe) === 0) && dplOf(c.rights(ss)) !== 0),
  },
  {
    rule: 'data segments may be used at their RPL',
    broken: notVirtual(
      c =>
        !c.unrestricted &&
        anyOf(data, c, (rights, segment) => typeOf(rights) <= 11 && dplOf(rights) < (c.selector(segment) & 3)),
    ),
  },
  { rule: 'CS is present', broken: notVirtual(c => (code(c) & Rights.present) === 0) },
  {
    rule: 'segments are present',
    broken: notVirtual(c => anyOf([ss, ds, es, fs, gs], c, rights => (rights & Rights.present) === 0)),
  },
  { rule: 'CS reserved bits', broken: notVirtual(c => (code(c) & reserved) !== 0) },
  {
    rule: 'reserved bits',
    broken: notVirtual(c => anyOf([ss, ds, es, fs, gs], c, rights => (rights & reserved) !== 0)),
  },
  {
    rule: '64-bit code has D 0',
    broken: notVirtual(c => c.guest64 && (code(c) & Rights.long) !== 0 && (code(c) & Rights.big) !== 0),
  },
  { rule: 'CS granularity', broken: notVirtual(c => wrongGranularity(c.limit(cs), code(c))) },
  {
    rule: 'granularity',
    broken: notVirtual(c => anyOf([ss, ds, es, fs, gs], c, (rights, n) => wrongGranularity(c.limit(n), rights))),
  },
  {
    rule: 'TR is a busy TSS',
    broken: c => typeOf(c.rights(tr)) !== 11 && !(typeOf(c.rights(tr)) === 3 && !c.guest64),
  },
  { rule: 'TR is a system segment', broken: c => (c.rights(tr) & Rights.segment) !== 0 },
  { rule: 'TR is present', broken: c => (c.rights(tr) & Rights.present) === 0 },
  { rule: 'TR reserved bits', broken: c => (c.rights(tr) & reserved) !== 0 },
  { rule: 'TR granularity', broken: c => wrongGranularity(c.limit(tr), c.rights(tr)) },
  { rule: 'TR is usable', broken: c => !c.usable(tr) },
  { rule: 'LDTR is a table', broken: c => c.usable(ldtr) && typeOf(c.rights(ldtr)) !== 2 },
  { rule: 'LDTR is a system segment', broken: c => c.usable(ldtr) && (c.rights(ldtr) & Rights.segment) !== 0 },
  { rule: 'LDTR is present', broken: c => c.usable(ldtr) && (c.rights(ldtr) & Rights.present) === 0 },
  { rule: 'LDTR reserved bits', broken: c => c.usable(ldtr) && (c.rights(ldtr) & reserved) !== 0 },
  { rule: 'LDTR granularity', broken: c => c.usable(ldtr) && wrongGranularity(c.limit(ldtr), c.rights(ldtr)) },
];
