/** The guest-state area to and from the CPU (SDM vol. 3, sections 27.3.2 and 28.3). 64-bit values move as words. */
import { gprOffset, state as layout, Segment, segmentOffset } from '../../state/layout.ts';
import { Attribute, Cr0, DebugControl, Dr6, dr7Fixed, Efer, Flag, InterruptShadow } from '../../state/registers.ts';
import { Activity } from '../core.ts';
import type { Cpu } from '../cpu.ts';
import { block, MoveLists, type Place, page, quad, type RegisterMoves } from '../register-moves.ts';
import { Entry, Exit } from './controls.ts';
import { byteOf, Field, wordOf } from './fields.ts';
import { GuestActivity, Interruptibility, PendingDebug } from './reasons.ts';
import type { Vmcs } from './vmcs.ts';

const { present } = Attribute;
/** The VMCS has four reserved bits above P where the CPU's packing goes on with AVL; a segment that is not there is unusable. */
const segment = (index: number, n: number): Place => {
  const to = segmentOffset(index);
  const [selector, limit, rights, base] = [
    Field.guestEs,
    Field.guestEsLimit,
    Field.guestEsRights,
    Field.guestEsBase,
  ].map(first => byteOf(first + 2 * n));
  const copied = quad(base, { offset: to });
  return {
    load(f) {
      copied.load(f);
      f.get(block)
        .get(page)
        .memory('i32.load', limit)
        .memory('i32.store', to + 8);
      f.get(block)
        .get(page)
        .memory('i32.load', selector)
        .memory('i32.store16', to + 12);
      f.get(block);
      f.get(page).memory('i32.load', rights).i32(0xff).op('i32.and');
      f.get(page).memory('i32.load', rights).i32(4).op('i32.shr_u').i32(0xf00).op('i32.and').op('i32.or');
      // Bit 16, unusable, meets P.
      f.get(page).memory('i32.load', rights).i32(9).op('i32.shr_u').i32(present).op('i32.and');
      f.i32(-1)
        .op('i32.xor')
        .op('i32.and')
        .memory('i32.store16', to + 14);
    },
    store(f) {
      copied.store(f);
      f.get(page)
        .get(block)
        .memory('i64.load32_u', to + 8)
        .memory('i64.store', limit);
      f.get(page)
        .get(block)
        .memory('i64.load16_u', to + 12)
        .memory('i64.store', selector);
      f.get(page);
      f.get(block)
        .memory('i32.load16_u', to + 14)
        .i32(0xff)
        .op('i32.and');
      f.get(block)
        .memory('i32.load16_u', to + 14)
        .i32(0xf00)
        .op('i32.and')
        .i32(4)
        .op('i32.shl')
        .op('i32.or');
      f.get(block)
        .memory('i32.load16_u', to + 14)
        .i32(-1)
        .op('i32.xor')
        .i32(present)
        .op('i32.and')
        .i32(9)
        .op('i32.shl');
      f.op('i32.or').op('i64.extend_i32_u').memory('i64.store', rights);
    },
  };
};

const table = (index: number, limit: number, base: number): Place => {
  const to = segmentOffset(index);
  const copied = quad(byteOf(base), { offset: to });
  return {
    load(f) {
      copied.load(f);
      f.get(block)
        .get(page)
        .memory('i32.load', byteOf(limit))
        .memory('i32.store', to + 8);
    },
    store(f) {
      copied.store(f);
      f.get(page)
        .get(block)
        .memory('i64.load16_u', to + 8)
        .memory('i64.store', byteOf(limit));
    },
  };
};

const segments = [Segment.es, Segment.cs, Segment.ss, Segment.ds, Segment.fs, Segment.gs, Segment.ldtr, Segment.tr];

/** The guest's registers that move as they are, whatever the controls say. */
export const guestMoves = new MoveLists({
  guest: [
    quad(byteOf(Field.guestCr3), layout.cr3),
    quad(byteOf(Field.guestRsp), { offset: gprOffset(4) }),
    quad(byteOf(Field.guestRip), layout.rip),
    quad(byteOf(Field.guestSysenterEsp), layout.sysenterEsp),
    quad(byteOf(Field.guestSysenterEip), layout.sysenterEip),
    quad(byteOf(Field.guestSysenterCs), layout.sysenterCs),
    ...segments.map(segment),
    table(Segment.gdtr, Field.guestGdtrLimit, Field.guestGdtrBase),
    table(Segment.idtr, Field.guestIdtrLimit, Field.guestIdtrBase),
  ],
});

/** Words of the VMCS of what is moved one by one. */
const at = {
  guestCr0: wordOf(Field.guestCr0),
  guestCr4: wordOf(Field.guestCr4),
  guestDr7: wordOf(Field.guestDr7),
  guestDebugControl: wordOf(Field.guestDebugControl),
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

/** Everything but what follows from events: those are the world switch's. `entry`: VM-entry controls. */
export function loadGuest(cpu: Cpu, vmcs: Vmcs, moves: RegisterMoves, entry: number): void {
  const { state } = cpu;
  const { words, base } = vmcs;
  const guest64 = (entry & Entry.guest64) !== 0;
  moves.load(state.base, base << 2);
  state.cr0 = (words[base + at.guestCr0] & ~cr0Kept) | (state.cr0 & cr0Kept);
  state.cr4 = words[base + at.guestCr4];
  if ((entry & Entry.loadDebug) !== 0) {
    state.set64(layout.dr7.offset, (words[base + at.guestDr7] & ~dr7Cleared) | dr7Fixed, 0);
    state.set64(layout.debugControl.offset, words[base + at.guestDebugControl], 0);
  }
  if ((entry & Entry.loadPat) !== 0)
    state.set64(layout.pat.offset, words[base + at.guestPat], words[base + at.guestPat + 1]);
  if ((entry & Entry.loadEfer) !== 0) state.efer = words[base + at.guestEfer];
  else {
    // LME follows LMA where paging is on.
    const changed = (state.cr0 & Cr0.pg) !== 0 ? Efer.lma | Efer.lme : Efer.lma;
    state.efer = guest64 ? state.efer | changed : state.efer & ~changed;
  }
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
  if ((interruptibility & Interruptibility.sti) !== 0) state.interruptShadow = InterruptShadow.sti;
  if ((interruptibility & Interruptibility.stackShadow) !== 0) state.interruptShadow = InterruptShadow.stack;
  const pending = words[base + at.guestPendingDebug];
  if ((pending & (PendingDebug.enabled | PendingDebug.step)) !== 0)
    cpu.pendingDebug = pending & (PendingDebug.conditions | PendingDebug.step);
  // The instruction after MOV SS is stepped by TF itself.
  if (state.interruptShadow === InterruptShadow.stack) cpu.pendingDebug &= ~PendingDebug.step;
  cpu.activity = activities[words[base + at.guestActivity] & 3];
}

const activities = [Activity.running, Activity.halted, Activity.shutdown, Activity.waitForStartup];
const guestActivities = [GuestActivity.active, GuestActivity.hlt, GuestActivity.waitForStartup, GuestActivity.shutdown];

/** `flags`: RFLAGS as they are to be saved. `activity`: the CPU's, when the exit came. `debug`: pending debug traps are kept. */
export function saveGuest(
  cpu: Cpu,
  vmcs: Vmcs,
  moves: RegisterMoves,
  exit: number,
  flags: number,
  activity: number,
  debug: boolean,
): void {
  const { state } = cpu;
  const { words, base } = vmcs;
  moves.store(state.base, base << 2);
  // CPL is SS.DPL there.
  words[base + at.guestSsRights] = (words[base + at.guestSsRights] & ~0x60) | (state.cpl << 5);
  put(words, base + at.guestCr0, state.cr0);
  put(words, base + at.guestCr4, state.cr4);
  put(words, base + at.guestRflags, flags);
  if ((exit & Exit.saveDebug) !== 0) {
    put(words, base + at.guestDr7, state.low(layout.dr7.offset));
    put(words, base + at.guestDebugControl, state.low(layout.debugControl.offset));
  }
  if ((exit & Exit.savePat) !== 0)
    put(words, base + at.guestPat, state.low(layout.pat.offset), state.high(layout.pat.offset));
  if ((exit & Exit.saveEfer) !== 0) put(words, base + at.guestEfer, state.efer);
  const long = cpu.isLong ? Entry.guest64 : 0;
  put(words, base + at.entryControls, (words[base + at.entryControls] & ~Entry.guest64) | long);

  const { interruptShadow: shadow } = state;
  put(
    words,
    base + at.guestInterruptibility,
    (shadow === InterruptShadow.sti ? Interruptibility.sti : 0) |
      (shadow === InterruptShadow.stack ? Interruptibility.stackShadow : 0) |
      (cpu.nmiBlocked ? Interruptibility.nmi : 0),
  );
  put(words, base + at.guestActivity, guestActivities[activity]);
  const pending = debug || shadow === InterruptShadow.stack ? pendingDebugOf(cpu.pendingDebug) : 0;
  const steps = (flags & Flag.tf) !== 0 && (state.low(layout.debugControl.offset) & DebugControl.btf) === 0;
  // TF's trap is held over MOV SS, and entries insist on it.
  const held = shadow === InterruptShadow.stack && steps ? PendingDebug.step : 0;
  put(words, base + at.guestPendingDebug, pending | held);
}

function pendingDebugOf(conditions: number): number {
  const met = conditions & PendingDebug.conditions;
  return met | (met !== 0 ? PendingDebug.enabled : 0) | (conditions & Dr6.bs);
}
