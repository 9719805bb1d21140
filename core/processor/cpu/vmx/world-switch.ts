/** VM entries and VM exits (SDM vol. 3, chapters 27 and 28), as the run loop performs them between two instructions. */
import { state as layout } from '../../state/layout.ts';
import { Leave, Status } from '../../state/leave.ts';
import { Flag, InterruptShadow } from '../../state/registers.ts';
import { Activity } from '../core.ts';
import type { Cpu } from '../cpu.ts';
import { Delivery, deliverBetween, deliverEvent, deliverException } from '../exceptions.ts';
import { VmxOutcome } from '../host-cpu.ts';
import type { RegisterMoves } from '../register-moves.ts';
import { EventType } from '../virtualization.ts';
import { Candidate, firstBroken } from './checks/candidate.ts';
import { controlRules } from './checks/control.ts';
import { EntryFailure, eventRules, guestRules, instructionRules, isQuiet } from './checks/guest.ts';
import { hostRules } from './checks/host.ts';
import { Exit, Pin, Primary, Secondary } from './controls.ts';
import { EptWalks } from './ept.ts';
import type { ExitRecord } from './exit-record.ts';
import { Dirty, Field } from './fields.ts';
import type { GuestRun } from './guest-run.ts';
import { guestMoves, loadGuest, loadPdpteFields, loadWaiting, saveGuest, savePdpteFields } from './guest-state.ts';
import { hostMoves, loadHost } from './host-state.ts';
import { loadMsrs, storeMsrs } from './msr-area.ts';
import type { Operation } from './operation.ts';
import { Abort, entryFailure, InstructionError, Reason } from './reasons.ts';
import type { Vmcs } from './vmcs.ts';

/** `state.guest` in VMX non-root operation, and its place in Mmu.space. */
const nonRoot = 2;
const guestSpace = nonRoot << 16;
const trapEvent = 7;

export const spaceOf = (vpid: number): number => guestSpace | (vpid & 0xffff);

export class WorldSwitch {
  readonly #vmcs: Vmcs;
  readonly #candidate: Candidate;
  readonly #walks: EptWalks;
  readonly #guestMoves: RegisterMoves;
  readonly #hostMoves: RegisterMoves;
  #entering = false;
  #resuming = false;
  /** The host was in IA-32e mode at the last attempt to enter. */
  #fromLong = false;

  constructor(
    private readonly cpu: Cpu,
    private readonly operation: Operation,
    private readonly guest: GuestRun,
    private readonly record: ExitRecord,
    secondaryAllowed: number,
    cr4Allowed: number,
    linear: WebAssembly.Memory,
  ) {
    this.#guestMoves = guestMoves.over(linear).guest;
    this.#hostMoves = hostMoves.over(linear).host;
    this.#vmcs = operation.vmcs;
    this.#candidate = new Candidate(cpu, operation.vmcs, secondaryAllowed, cr4Allowed);
    this.#walks = new EptWalks(cpu.physical, cpu.model.physicalBits, cpu.model.features.has('pdpe1gb'));
  }

  /** VMLAUNCH and VMRESUME up to the point where they cannot fail any more: succeed means that an entry is recorded. */
  request(resume: boolean): VmxOutcome {
    const { cpu, operation } = this;
    const vmcs = this.#vmcs;
    if (!vmcs.valid) return VmxOutcome.failInvalid;
    if (cpu.state.interruptShadow === InterruptShadow.stack) return operation.fail(InstructionError.stackShadow);
    if (!resume && vmcs.launched) return operation.fail(InstructionError.launchNotClear);
    if (resume && !vmcs.launched) return operation.fail(InstructionError.resumeNotLaunched);
    const candidate = this.#candidate;
    candidate.examine();
    const long = cpu.isLong;
    if (long !== this.#fromLong) vmcs.dirty = Dirty.all;
    this.#fromLong = long;
    if ((vmcs.dirty & Dirty.controls) !== 0 && firstBroken(controlRules, candidate))
      return operation.fail(InstructionError.controls);
    if ((vmcs.dirty & (Dirty.controls | Dirty.host)) !== 0 && firstBroken(hostRules, candidate))
      return operation.fail(InstructionError.host);
    this.#entering = true;
    this.#resuming = resume;
    return VmxOutcome.succeed;
  }

  /** Performs what is recorded. True: the CPU has come out of guest mode, or not got there. */
  perform(): boolean {
    if (this.#entering) {
      this.#entering = false;
      return this.#enter();
    }
    if (!this.record.pending) return false;
    this.#exit();
    return true;
  }

  cancel(): void {
    this.#entering = false;
    this.record.pending = false;
  }

  // Entries.

  #enter(): boolean {
    const { cpu, guest } = this;
    const vmcs = this.#vmcs;
    const candidate = this.#candidate;
    // Guest state that the last exit saved needs no checking; what was written since then does.
    const changed = (vmcs.dirty & (Dirty.controls | Dirty.guest)) !== 0;
    const broken =
      firstBroken(isQuiet(candidate) ? instructionRules : eventRules, candidate) ??
      (changed ? firstBroken(guestRules, candidate) : undefined);
    if (broken) return this.#failEntry(Reason.guestState, broken.qualification ?? 0);
    vmcs.dirty = 0;

    // Entries and exits end address-range monitoring (sections 27.2.4 and 28.5.6).
    cpu.monitor.armed = false;
    guest.take(vmcs);
    const { injects } = candidate;
    guest.hostNmiBlocked = cpu.nmiBlocked;
    cpu.nmiUnblocking = false;
    loadGuest(cpu, vmcs, this.#guestMoves, candidate.entry);
    loadWaiting(cpu, vmcs, injects);
    cpu.state.guest = nonRoot;
    if (!this.#translate(candidate)) return this.#failEntry(Reason.guestState, EntryFailure.pdpte);
    if ((guest.primary & Primary.tscOffset) !== 0)
      this.#offsetTime(vmcs.low(Field.tscOffset), vmcs.high(Field.tscOffset));
    const wrong = loadMsrs(cpu, vmcs, Field.entryMsrLoad, Field.entryMsrLoadCount);
    if (wrong !== 0) return this.#failEntry(Reason.msrLoad, wrong);
    if (!this.#resuming) vmcs.launched = true;
    if ((guest.pin & Pin.preemptionTimer) !== 0) guest.deadline = cpu.ticks + (vmcs.low(Field.preemptionTimer) >>> 0);
    this.record.pending = false;
    if (!injects) return false;
    const { eventType, eventVector } = candidate;
    if (!this.#inject(eventType, eventVector)) return false;
    this.#exit();
    return true;
  }

  /** False: the PDPTEs are wrong. */
  #translate({ secondary, guestPae }: Candidate): boolean {
    const { cpu } = this;
    const { mmu } = cpu;
    const vmcs = this.#vmcs;
    const tagged = (secondary & Secondary.vpid) !== 0;
    const nested = (secondary & Secondary.ept) !== 0;
    mmu.space = spaceOf(tagged ? vmcs.low(Field.vpid) : 0);
    mmu.paging.nested = nested ? this.#walks.of(vmcs.low(Field.eptPointer), vmcs.high(Field.eptPointer)) : undefined;
    if (!tagged) mmu.flushSpace(mmu.space);
    cpu.derive();
    if (!guestPae) return true;
    if (nested) loadPdpteFields(cpu, vmcs);
    else return mmu.paging.loadPdptes() === 0;
    return true;
  }

  #offsetTime(low: number, high: number): void {
    const { guest } = this;
    guest.offsetLow = low;
    guest.offsetHigh = high;
    const { state } = this.cpu;
    const { offset } = layout.tscOffset;
    const sum = (state.low(offset) + low) | 0;
    state.set64(offset, sum, (state.high(offset) + high + (sum >>> 0 < low >>> 0 ? 1 : 0)) | 0);
  }
  #restoreTime(): void {
    const { guest } = this;
    const { state } = this.cpu;
    const { offset } = layout.tscOffset;
    const before = state.low(offset);
    const borrow = before >>> 0 < guest.offsetLow >>> 0 ? 1 : 0;
    state.set64(offset, before - guest.offsetLow, (state.high(offset) - guest.offsetHigh - borrow) | 0);
    guest.offsetLow = 0;
    guest.offsetHigh = 0;
  }

  /** True: delivery has ended in an exit. */
  #inject(type: number, vector: number): boolean {
    const { cpu, guest } = this;
    const vmcs = this.#vmcs;
    if (type === trapEvent) {
      guest.trapDue = true;
      return false;
    }
    if (type === EventType.nmi) cpu.nmiBlocked = true;
    const hasError = (vmcs.low(Field.entryInterruption) & (1 << 11)) !== 0;
    const error = hasError ? vmcs.low(Field.entryErrorCode) & 0xffff : -1;
    const ended =
      type >= EventType.software
        ? this.#injectSoftware(type, vector, vmcs.low(Field.entryInstructionLength) & 0xf)
        : deliverEvent(cpu, vector, type, error);
    guest.happened();
    return ended !== Delivery.delivered;
  }

  /** Its return address is the next instruction's; if it faults, RIP is still this one's. */
  #injectSoftware(type: number, vector: number, length: number): number {
    const { cpu } = this;
    const { fault, state } = cpu;
    const { ripLow, ripHigh } = state;
    const low = (ripLow + length) | 0;
    state.setRip(low, cpu.is64 ? (ripHigh + (low >>> 0 < length ? 1 : 0)) | 0 : 0);
    try {
      deliverBetween(cpu, vector, type, -1, length);
      return Delivery.delivered;
    } catch (thrown) {
      if (thrown !== fault) throw thrown;
      state.setRip(ripLow, ripHigh);
    }
    if (fault.status === Status.fault) return deliverException(cpu);
    if (state.leave === Leave.nestedFault) cpu.virtualization?.nestedFault();
    return Delivery.exit;
  }

  /** The host goes on at its exit's RIP; the VMCS keeps the guest as it was. */
  #failEntry(reason: number, qualification: number): boolean {
    const vmcs = this.#vmcs;
    vmcs.set(Field.exitReason, reason | entryFailure);
    vmcs.set(Field.exitQualification, qualification);
    if (this.cpu.state.guest !== 0) this.#restoreTime();
    this.#return(this.cpu.state.guest !== 0 ? this.guest.hostNmiBlocked : this.cpu.nmiBlocked);
    return true;
  }

  // Exits.

  #exit(): void {
    const { cpu, guest, record } = this;
    const vmcs = this.#vmcs;
    const exit = vmcs.low(Field.exitControls);
    const { reason } = record;
    record.pending = false;
    if (record.lengthLater) record.length();
    const { flags } = cpu.state;
    const activity = guest.sleep !== 0 ? guest.sleep : cpu.activity;
    const debug = reason === Reason.init || reason === Reason.monitorTrap;
    saveGuest(cpu, vmcs, this.#guestMoves, exit, record.resume ? flags | Flag.rf : flags, activity, debug);
    if ((guest.secondary & Secondary.ept) !== 0 && cpu.usesPdptes) savePdpteFields(cpu, vmcs);
    if ((exit & Exit.savePreemptionTimer) !== 0)
      vmcs.set(Field.preemptionTimer, Math.max(0, guest.deadline - cpu.ticks) | 0);
    vmcs.set(Field.entryInterruption, vmcs.low(Field.entryInterruption) & 0x7fff_ffff);
    const stored = storeMsrs(cpu, vmcs, Field.exitMsrStore, Field.exitMsrStoreCount);
    this.#restoreTime();
    const blocked = (guest.pin & Pin.virtualNmi) !== 0 ? guest.hostNmiBlocked : cpu.nmiBlocked;
    this.#return(reason === Reason.exception && isNmi(vmcs.low(Field.exitInterruption)) ? true : blocked);
    if (stored !== 0) this.#abort(Abort.storeMsr);
  }

  /** To the host: state, translation, MSRs. */
  #return(nmiBlocked: boolean): void {
    const { cpu, guest } = this;
    const { mmu, state } = cpu;
    const vmcs = this.#vmcs;
    const entered = state.guest !== 0;
    vmcs.written();
    loadHost(cpu, vmcs, this.#hostMoves, vmcs.low(Field.exitControls));
    state.guest = 0;
    cpu.delivering.type = -1;
    cpu.monitor.armed = false;
    cpu.nmiBlocked = nmiBlocked;
    mmu.space = 0;
    mmu.paging.nested = undefined;
    if (entered && (guest.secondary & Secondary.vpid) === 0) mmu.flushSpace(0);
    cpu.deriveHost();
    if (!vmcs.valid) this.#abort(Abort.corrupted);
    else if (cpu.usesPdptes && mmu.paging.loadPdptes() !== 0) this.#abort(Abort.hostPdptes);
    else if (loadMsrs(cpu, vmcs, Field.exitMsrLoad, Field.exitMsrLoadCount) !== 0) this.#abort(Abort.loadMsr);
  }

  /** VMX abort: the processor shuts down. */
  #abort(code: number): void {
    this.#vmcs.abort = code;
    this.cpu.activity = Activity.shutdown;
  }
}

const isNmi = (interruption: number): boolean => ((interruption >>> 8) & 7) === EventType.nmi;
