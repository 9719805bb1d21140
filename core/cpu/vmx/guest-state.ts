/** The guest-state area to and from the CPU (SDM vol. 3, sections 27.3.2 and 28.3). 64-bit values move as words. */
import { gprOffset, state as layout, Segment, segmentBase, segmentOffset } from '../../state/layout.ts';
import { Attribute, Cr0, Dr6, dr7Fixed, Efer } from '../../state/registers.ts';
import type { StateBlock } from '../../state/state-block.ts';
import { Activity } from '../core.ts';
import type { Cpu } from '../cpu.ts';
import { Entry, Exit } from './controls.ts';
import { Field, wordOf } from './fields.ts';
import { GuestActivity, Interruptibility, PendingDebug, unusable } from './reasons.ts';
import type { Vmcs } from './vmcs.ts';

/** Registers that are copied as they are: word of the VMCS, word of the state block. */
const copied = Int32Array.from(
  [
    [Field.guestCr3, layout.cr3.offset],
    [Field.guestRsp, gprOffset(4)],
    [Field.guestRip, layout.rip.offset],
    [Field.guestSysenterEsp, layout.sysenterEsp.offset],
    [Field.guestSysenterEip, layout.sysenterEip.offset],
    [Field.guestSysenterCs, layout.sysenterCs.offset],
    [Field.guestGdtrBase, segmentBase(Segment.gdtr).offset],
    [Field.guestIdtrBase, segmentBase(Segment.idtr).offset],
  ].flatMap(([field, offset]) => [wordOf(field), offset >> 2]),
);

/** The CPU's numbers of segments in the order of the VMCS. */
const segments = [Segment.es, Segment.cs, Segment.ss, Segment.ds, Segment.fs, Segment.gs, Segment.ldtr, Segment.tr];
const stack = 2;
/** Words of the state block where they begin: base, limit, then selector and attributes in one word. */
const segmentWords = Int32Array.from(segments, segment => segmentOffset(segment) >> 2);
/** Words of the VMCS of the first segment; the others follow two words apart each. */
const selectorWord = wordOf(Field.guestEs);
const limitWord = wordOf(Field.guestEsLimit);
const rightsWord = wordOf(Field.guestEsRights);
const baseWord = wordOf(Field.guestEsBase);

const gdtrLimitWord = wordOf(Field.guestGdtrLimit);
const idtrLimitWord = wordOf(Field.guestIdtrLimit);

/** Words of the VMCS of what is moved one by one. */
const at = {
  guestCr0: wordOf(Field.guestCr0),
  guestCr4: wordOf(Field.guestCr4),
  guestDr7: wordOf(Field.guestDr7),
  guestPat: wordOf(Field.guestPat),
  guestEfer: wordOf(Field.guestEfer),
  guestSsRights: wordOf(Field.guestSsRights),
  guestRflags: wordOf(Field.guestRflags),
  guestInterruptibility: wordOf(Field.guestInterruptibility),
  guestPendingDebug: wordOf(Field.guestPendingDebug),
  guestActivity: wordOf(Field.guestActivity),
  entryControls: wordOf(Field.entryControls),
} as const;

/** A field of the VMCS. */
function put(words: Int32Array, word: number, low: number, high = 0): void {
  words[word] = low;
  words[word + 1] = high;
}

/** ET, CD, NW and the bits that do not exist stay as they are. */
export const cr0Kept = 0x7ffa_ffd0;
/** Bits 12, 14 and 15 of DR7 are clear. */
const dr7Cleared = 0xd000;

/** The VMCS has four reserved bits above P where the CPU's packing goes on with AVL. */
export const attributesOf = (rights: number): number => {
  const attributes = (rights & 0xff) | ((rights >>> 4) & 0xf00);
  return (rights & unusable) !== 0 ? attributes & ~Attribute.present : attributes;
};
export const rightsOf = (attributes: number): number => {
  const rights = (attributes & 0xff) | ((attributes & 0xf00) << 4);
  return (attributes & Attribute.present) !== 0 ? rights : rights | unusable;
};

function loadSegments({ i32 }: StateBlock, { words, base }: Vmcs): void {
  for (let n = 0; n < 8; n++) {
    const to = segmentWords[n];
    const from = base + 2 * n;
    i32[to] = words[from + baseWord];
    i32[to + 1] = words[from + baseWord + 1];
    i32[to + 2] = words[from + limitWord];
    i32[to + 3] = (words[from + selectorWord] & 0xffff) | (attributesOf(words[from + rightsWord]) << 16);
  }
  i32[gdtrLimit] = words[base + gdtrLimitWord];
  i32[idtrLimit] = words[base + idtrLimitWord];
}

const gdtrLimit = (segmentOffset(Segment.gdtr) + 8) >> 2;
const idtrLimit = (segmentOffset(Segment.idtr) + 8) >> 2;

function loadCopied({ i32 }: StateBlock, { words, base }: Vmcs): void {
  for (let n = 0; n < copied.length; n += 2) {
    const from = base + copied[n];
    const to = copied[n + 1];
    i32[to] = words[from];
    i32[to + 1] = words[from + 1];
  }
}
function saveCopied({ i32 }: StateBlock, { words, base }: Vmcs): void {
  for (let n = 0; n < copied.length; n += 2) {
    const to = base + copied[n];
    const from = copied[n + 1];
    words[to] = i32[from];
    words[to + 1] = i32[from + 1];
  }
}

/** Everything but what follows from events: those are the world switch's. `entry`: VM-entry controls. */
export function loadGuest(cpu: Cpu, vmcs: Vmcs, entry: number): void {
  const { state } = cpu;
  const { words, base } = vmcs;
  const guest64 = (entry & Entry.guest64) !== 0;
  loadCopied(state, vmcs);
  state.cr0 = (words[base + at.guestCr0] & ~cr0Kept) | (state.cr0 & cr0Kept);
  state.cr4 = words[base + at.guestCr4];
  if ((entry & Entry.loadDebug) !== 0)
    state.set64(layout.dr7.offset, (words[base + at.guestDr7] & ~dr7Cleared) | dr7Fixed, 0);
  if ((entry & Entry.loadPat) !== 0)
    state.set64(layout.pat.offset, words[base + at.guestPat], words[base + at.guestPat + 1]);
  if ((entry & Entry.loadEfer) !== 0) state.efer = words[base + at.guestEfer];
  else {
    // LME follows LMA where paging is on.
    const changed = (state.cr0 & Cr0.pg) !== 0 ? Efer.lma | Efer.lme : Efer.lma;
    state.efer = guest64 ? state.efer | changed : state.efer & ~changed;
  }
  loadSegments(state, vmcs);
  state.cpl = (words[base + at.guestSsRights] >>> 5) & 3;
  state.flags = words[base + at.guestRflags];
}

/** The four PDPTE fields, with EPT and PAE paging. */
export function loadPdpteFields(cpu: Cpu, vmcs: Vmcs): void {
  const { pdptes } = cpu.mmu.paging;
  for (let n = 0; n < 4; n++) {
    pdptes[2 * n] = vmcs.low(Field.guestPdpte0 + 2 * n);
    pdptes[2 * n + 1] = vmcs.high(Field.guestPdpte0 + 2 * n);
  }
}
export function savePdpteFields(cpu: Cpu, vmcs: Vmcs): void {
  const { pdptes } = cpu.mmu.paging;
  for (let n = 0; n < 4; n++) vmcs.set(Field.guestPdpte0 + 2 * n, pdptes[2 * n], pdptes[2 * n + 1]);
}

/** Interrupt shadow, NMI blocking, activity and pending debug traps, for an entry that injects nothing. */
export function loadWaiting(cpu: Cpu, vmcs: Vmcs, injects: boolean): void {
  const { state } = cpu;
  const { words, base } = vmcs;
  const interruptibility = words[base + at.guestInterruptibility];
  cpu.nmiBlocked = (interruptibility & Interruptibility.nmi) !== 0;
  state.interruptShadow = 0;
  cpu.pendingDebug = 0;
  cpu.activity = Activity.running;
  if (injects) return;
  if ((interruptibility & Interruptibility.sti) !== 0) state.interruptShadow = 1;
  if ((interruptibility & Interruptibility.stackShadow) !== 0) state.interruptShadow = 2;
  const pending = words[base + at.guestPendingDebug];
  if ((pending & (PendingDebug.enabled | PendingDebug.step)) !== 0)
    cpu.pendingDebug = pending & (PendingDebug.conditions | PendingDebug.step);
  cpu.activity = activities[words[base + at.guestActivity] & 3];
}

const activities = [Activity.running, Activity.halted, Activity.shutdown, Activity.waitForStartup];
const guestActivities = [GuestActivity.active, GuestActivity.hlt, GuestActivity.waitForStartup, GuestActivity.shutdown];

/** `flags`: RFLAGS as they are to be saved. `activity`: the CPU's, when the exit came. `debug`: pending debug traps are kept. */
export function saveGuest(cpu: Cpu, vmcs: Vmcs, exit: number, flags: number, activity: number, debug: boolean): void {
  const { state } = cpu;
  const { words, base } = vmcs;
  saveCopied(state, vmcs);
  put(words, base + at.guestCr0, state.cr0);
  put(words, base + at.guestCr4, state.cr4);
  put(words, base + at.guestRflags, flags);
  if ((exit & Exit.saveDebug) !== 0) put(words, base + at.guestDr7, state.low(layout.dr7.offset));
  if ((exit & Exit.savePat) !== 0)
    put(words, base + at.guestPat, state.low(layout.pat.offset), state.high(layout.pat.offset));
  if ((exit & Exit.saveEfer) !== 0) put(words, base + at.guestEfer, state.efer);
  const long = cpu.isLong ? Entry.guest64 : 0;
  put(words, base + at.entryControls, (words[base + at.entryControls] & ~Entry.guest64) | long);
  saveSegments(state, vmcs);

  const { interruptShadow: shadow } = state;
  put(
    words,
    base + at.guestInterruptibility,
    (shadow === 1 ? Interruptibility.sti : 0) |
      (shadow === 2 ? Interruptibility.stackShadow : 0) |
      (cpu.nmiBlocked ? Interruptibility.nmi : 0),
  );
  put(words, base + at.guestActivity, guestActivities[activity]);
  put(words, base + at.guestPendingDebug, debug || shadow === 2 ? pendingDebugOf(cpu.pendingDebug) : 0);
}

function saveSegments({ i32, cpl }: StateBlock, { words, base }: Vmcs): void {
  for (let n = 0; n < 8; n++) {
    const from = segmentWords[n];
    const to = base + 2 * n;
    const last = i32[from + 3];
    const rights = rightsOf(last >>> 16);
    words[to + baseWord] = i32[from];
    words[to + baseWord + 1] = i32[from + 1];
    words[to + limitWord] = i32[from + 2];
    words[to + selectorWord] = last & 0xffff;
    words[to + rightsWord] = n === stack ? (rights & ~0x60) | (cpl << 5) : rights;
  }
  words[base + gdtrLimitWord] = i32[gdtrLimit] & 0xffff;
  words[base + idtrLimitWord] = i32[idtrLimit] & 0xffff;
}

function pendingDebugOf(conditions: number): number {
  const met = conditions & PendingDebug.conditions;
  return met | (met !== 0 ? PendingDebug.enabled : 0) | (conditions & Dr6.bs);
}
