/** VMRUN and #VMEXIT (APM vol. 2, sections 15.5 and 15.6): the host goes to its save area and comes back from there. */
import { pageSize } from '../../memory/page.ts';
import { type HostPaging, nptFormat } from '../../mmu/nested-formats.ts';
import { NestedWalk } from '../../mmu/nested-paging.ts';
import { state as layout } from '../../state/layout.ts';
import { Cr0, Cr4, dr7Fixed, Efer, Flag, InterruptShadow, shadowBy } from '../../state/registers.ts';
import { Activity } from '../core.ts';
import { Candidate, isInconsistent } from './consistency.ts';
import { writeInstructionBytes } from './instruction-bytes.ts';
import type { SvmState } from './svm-state.ts';
import { movesOfSvm, tidyDebug, tidyRip, tidySwitched } from './switched-state.ts';
import { Control, EventInfo, Save, TlbControl, VirtualInterrupt } from './vmcb.ts';

const { pat, tscOffset } = layout;
/** For a walk's attributes. */
const pagingNumber: Readonly<Record<HostPaging, number>> = { long: 0, pae: 1, legacy: 2 };

export class WorldSwitch {
  readonly #svm: SvmState;
  readonly #moves: ReturnType<typeof movesOfSvm.over>;
  readonly #candidate: Candidate;
  #walk: NestedWalk | undefined;
  // Of the host, kept inside of the processor.
  #hostPatLow = 0;
  #hostPatHigh = 0;
  #hostPendingDebug = 0;

  constructor(svm: SvmState, linear: WebAssembly.Memory) {
    this.#svm = svm;
    this.#moves = movesOfSvm.over(linear);
    this.#candidate = new Candidate(svm.cpu);
  }

  /** True: the processor is in the host (again). */
  perform(): boolean {
    const svm = this.#svm;
    if (!svm.entering) return this.#leave(true);
    svm.entering = false;
    return this.#enter();
  }

  /** Linear-memory address of a page to write to, or 0. */
  #page(low: number, high: number): number {
    const { physical } = this.#svm.cpu;
    const page = physical.locateWritable(low, high);
    if (page !== 0 && physical.isCode(page)) physical.written(page, pageSize);
    return page;
  }

  #enter(): boolean {
    const { controls, cpu } = this.#svm;
    const { physical, state } = cpu;
    const { words } = physical;
    this.#saveHost();
    const vmcb = this.#page(this.#svm.vmcbLow, this.#svm.vmcbHigh);
    const at = vmcb >>> 2;
    const candidate = this.#candidate;
    candidate.words = words;
    candidate.at = at;
    candidate.hostPaged = (state.cr0 & Cr0.pg) !== 0;
    if (vmcb === 0 || isInconsistent(candidate)) return this.#refuse();
    controls.load(words, at);
    this.#enableNestedPaging();
    this.#moves.guest.load(state.base, vmcb);
    tidySwitched(state);
    tidyDebug(state);
    this.#loadFlags(words[at + (Save.rflags >> 2)], (words[at + (Save.cpl >> 2)] >>> 24) & 3);
    tidyRip(state);
    const hasShadow = (words[at + (Control.interruptShadow >> 2)] & 1) !== 0;
    state.interruptShadow = hasShadow ? shadowBy(state.systemFlags) : InterruptShadow.none;
    if (controls.nestedPaging) state.set64(pat.offset, words[at + (Save.pat >> 2)], words[at + (Save.pat >> 2) + 1]);
    this.#addTscOffset(controls.tscOffsetLow, controls.tscOffsetHigh);
    this.#prepareEvents();
    state.guest = 1;
    cpu.activity = Activity.running;
    this.#flush();
    cpu.derive();
    // Without nested paging these are the processor's own registers.
    if (cpu.usesPdptes && !controls.nestedPaging && cpu.translation.loadPdptes() !== 0) return this.#refuse();
    return false;
  }

  #loadFlags(low: number, privilege: number): void {
    const { state } = this.#svm.cpu;
    state.flags = (state.efer & Efer.lma) !== 0 ? low & ~Flag.vm : low;
    state.cpl = (state.cr0 & Cr0.pe) === 0 ? 0 : (state.systemFlags & Flag.vm) !== 0 ? 3 : privilege;
  }

  #enableNestedPaging(): void {
    const { controls, cpu } = this.#svm;
    const { mmu, model, physical, state } = cpu;
    // The host's flags still: they rule its tables (section 15.25.3).
    const { cr4, efer } = state;
    const paging = (efer & Efer.lma) !== 0 ? 'long' : (cr4 & Cr4.pae) !== 0 ? 'pae' : 'legacy';
    const noExecute = paging !== 'legacy' && (efer & Efer.nxe) !== 0;
    const largePages = paging === 'legacy' && (cr4 & Cr4.pse) !== 0;
    mmu.space = 0x1_0000 | (controls.asid & 0xffff);
    if (!controls.nestedPaging) {
      mmu.paging.nested = undefined;
      return;
    }
    const { nestedRootLow: low } = controls;
    // Outside of long mode it is a CR3 of 32 bits.
    const high = paging === 'long' ? controls.nestedRootHigh : 0;
    const attributes = (pagingNumber[paging] << 2) | (largePages ? 2 : 0) | (noExecute ? 1 : 0);
    const walk = this.#walk;
    if (!walk || walk.rootLow !== low || walk.rootHigh !== high || walk.attributes !== attributes) {
      const format = nptFormat({
        paging,
        noExecute,
        largePages,
        physicalBits: model.physicalBits,
        hugePages: model.features.has('pdpe1gb'),
      });
      this.#walk = new NestedWalk(physical, format, low, high, attributes);
    }
    mmu.paging.nested = this.#walk;
  }

  #flush(): void {
    const { controls, cpu } = this.#svm;
    if (controls.tlbControl === TlbControl.flushAll) cpu.mmu.flushAll();
    else if (controls.tlbControl !== TlbControl.none) cpu.mmu.flushSpace(cpu.mmu.space);
  }

  #prepareEvents(): void {
    const svm = this.#svm;
    const { controls, cpu } = svm;
    svm.gif = true;
    svm.injecting = (controls.injection & EventInfo.valid) !== 0;
    const word = controls.virtualInterrupt;
    svm.virtualIrq = (word & VirtualInterrupt.irq) !== 0;
    svm.virtualGif = (word & VirtualInterrupt.gif) !== 0;
    svm.taskPriority = word & 0xf;
    svm.physicalPriority = controls.virtualMasking ? 0 : cpu.taskPriority;
    svm.pausesLeft = controls.pauseCount;
    if (controls.pauseThreshold !== 0) svm.lastPause = cpu.ticks;
    cpu.pendingDebug = 0;
    cpu.delivering.type = -1;
  }

  #saveHost(): void {
    const svm = this.#svm;
    const { cpu } = svm;
    const { physical, state } = cpu;
    svm.hostInterrupts = (state.systemFlags & Flag.if) !== 0;
    this.#hostPatLow = state.low(pat.offset);
    this.#hostPatHigh = state.high(pat.offset);
    this.#hostPendingDebug = cpu.pendingDebug;
    const page = this.#page(svm.hostSaveLow, svm.hostSaveHigh);
    if (page === 0) return;
    const { words } = physical;
    this.#moves.host.store(state.base, page);
    words[(page + Save.rflags) >>> 2] = state.flags;
  }

  /** VMEXIT_INVALID: the guest's state area stays as it was. */
  #refuse(): boolean {
    this.#svm.exit.start(-1, -1);
    return this.#leave(false);
  }

  #leave(saved: boolean): boolean {
    const svm = this.#svm;
    const { controls, cpu, exit } = svm;
    const { mmu, state } = cpu;
    const { words } = cpu.physical;
    const vmcb = this.#page(svm.vmcbLow, svm.vmcbHigh);
    if (vmcb !== 0) {
      const at = vmcb >>> 2;
      exit.write(words, at, cpu);
      if (saved) this.#saveGuest(vmcb);
      else words[at + (Control.fetched >> 2)] &= ~0xff;
    }
    if (state.guest !== 0) {
      this.#addTscOffset(~controls.tscOffsetLow + 1, ~controls.tscOffsetHigh + (controls.tscOffsetLow === 0 ? 1 : 0));
      if (controls.nestedPaging) state.set64(pat.offset, this.#hostPatLow, this.#hostPatHigh);
    }
    state.guest = 0;
    svm.gif = false;
    svm.injecting = false;
    svm.virtualIrq = false;
    mmu.paging.nested = undefined;
    mmu.space = 0;
    this.#loadHost();
    return true;
  }

  #saveGuest(vmcb: number): void {
    const svm = this.#svm;
    const { controls, cpu, exit } = svm;
    const { physical, state } = cpu;
    const { words } = physical;
    const at = vmcb >>> 2;
    const byteCount = vmcb + Control.fetched;
    if (exit.withBytes && !exit.duringDelivery) writeInstructionBytes(cpu, byteCount);
    else physical.store8(byteCount, 0);
    this.#moves.guest.store(state.base, vmcb);
    words[at + (Save.rflags >> 2)] = state.flags;
    words[at + (Save.rflags >> 2) + 1] = 0;
    physical.store8(vmcb + Save.cpl, state.cpl);
    const shadow = at + (Control.interruptShadow >> 2);
    words[shadow] = (words[shadow] & ~1) | (state.interruptShadow !== 0 ? 1 : 0);
    if (controls.nestedPaging) {
      words[at + (Save.pat >> 2)] = state.low(pat.offset);
      words[at + (Save.pat >> 2) + 1] = state.high(pat.offset);
    }
    const { taskPriority, irq, gif } = VirtualInterrupt;
    const kept = controls.virtualInterrupt & ~(taskPriority | irq | gif);
    words[at + (Control.virtualInterrupt >> 2)] =
      kept | (svm.virtualTaskPriority & 0xf) | (svm.virtualIrq ? irq : 0) | (svm.virtualGif ? gif : 0);
  }

  /** A host that cannot be loaded shuts the processor down. */
  #loadHost(): void {
    const svm = this.#svm;
    const { cpu } = svm;
    const { physical, state } = cpu;
    const page = physical.locate(svm.hostSaveLow, svm.hostSaveHigh);
    let broken = page === 0;
    if (page !== 0) {
      const { words } = physical;
      this.#moves.host.load(state.base, page);
      tidySwitched(state);
      state.flags = words[(page + Save.rflags) >>> 2] & ~Flag.vm;
      state.cr0 |= Cr0.pe;
      broken = (state.efer & Efer.lma) !== 0 && (state.cr4 & Cr4.pae) === 0;
    }
    state.cpl = 0;
    state.interruptShadow = 0;
    tidyRip(state);
    state.set64(layout.dr7.offset, dr7Fixed, 0);
    cpu.pendingDebug = this.#hostPendingDebug;
    cpu.activity = Activity.running;
    cpu.deriveHost();
    if (!broken && cpu.usesPdptes) broken = cpu.translation.loadPdptes() !== 0;
    if (broken) cpu.activity = Activity.shutdown;
  }

  #addTscOffset(low: number, high: number): void {
    const { state } = this.#svm.cpu;
    const { offset } = tscOffset;
    const sum = (state.low(offset) >>> 0) + (low >>> 0);
    state.set64(offset, sum | 0, (state.high(offset) + high + (sum > 0xffff_ffff ? 1 : 0)) | 0);
  }
}
