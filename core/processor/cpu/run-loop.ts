/**
 * The run loop of one CPU: events at instruction boundaries in the order of the manuals (SDM vol. 3, table 6-2), slices of generated
 * code in between, and whatever made that code return.
 */
import { state as layout, Segment } from '../state/layout.ts';
import { Access, Leave } from '../state/leave.ts';
import { DebugControl, Dr6, Flag, InterruptShadow, Vector } from '../state/registers.ts';
import { Activity } from './core.ts';
import type { Cpu } from './cpu.ts';
import { Delivery, deliverEvent, deliverException } from './exceptions.ts';
import { type CpuExit, guardedExit, leaveAddress } from './exit.ts';
import { init, startUp } from './reset.ts';
import { Boundary, EventType } from './virtualization.ts';

/** Generated code returns at least this often: V8 does not replace a function that never returns by its optimised version. */
const slice = 50_000;
/** A program whose handlers fault at their first instruction never retires one: after this many rounds each counts as one. */
const patience = 1000;
/**
 * Whoever runs the CPU is asked after so much work whether he wants it back. An instruction counts as 1, a return of generated code as so many:
 * faults and emulated instructions take their time.
 */
const askAfter = 100_000;
const returnWeight = 500;
/** A REP that goes on and on ends a run, even if nobody asks for that. */
const longestSpin = 250;

const budgetExit: CpuExit = { reason: 'budget' };
const haltExit: CpuExit = { reason: 'halt' };
const shutdownExit: CpuExit = { reason: 'shutdown' };
const timestampExit: CpuExit = { reason: 'timestamp' };
const pauseExit: CpuExit = { reason: 'pause' };
const vmExit: CpuExit = { reason: 'vmexit' };

export function run(cpu: Cpu, budget: number): CpuExit {
  let end = cpu.retired + budget;
  let spins = 0;
  for (;;) {
    cpu.checkAlarm();
    const exit = settle(cpu, end);
    if (cpu.mmu.watchpoints.hostHit >= 0) return hostHitExit(cpu);
    if (exit && !timerRuns(cpu)) return exit;
    if (end <= cpu.retired) return budgetExit;
    if (exit) {
      cpu.retired += Math.min(end - cpu.retired, cpu.horizon);
      continue;
    }
    const left = Math.min(end - cpu.retired, cpu.horizon);
    if (left <= 0) continue;
    const before = cpu.retired;
    const leave = execute(cpu, left);
    if (cpu.retired !== before) cpu.stalls = 0;
    else if (++cpu.stalls > patience) cpu.passTime();
    cpu.work += cpu.retired - before + returnWeight;
    const result = conclude(cpu, leave);
    // Also where a guest has left for its hypervisor: that one may serve such exits by itself, without end.
    if (cpu.work > askAfter || leave === Leave.spin || leave === Leave.breath) {
      cpu.work = 0;
      if (cpu.isOverdue()) end = Math.min(end, cpu.retired);
    }
    if (result) return result;
    if (cpu.mmu.watchpoints.hostHit >= 0) return hostHitExit(cpu);
    if (leave === Leave.spin && ++spins === longestSpin) return budgetExit;
  }
}

function hostHitExit(cpu: Cpu): CpuExit {
  const { watchpoints } = cpu.mmu;
  const index = watchpoints.hostHit;
  watchpoints.hostHit = -1;
  return { reason: 'breakpoint', index };
}

/**
 * Deals with everything that comes before the next instruction. An exit, or undefined: execute. What the last instruction owes (traps)
 * is settled even where the budget has ended; who gave the budget decides about interrupts first.
 */
function settle(cpu: Cpu, end: number): CpuExit | undefined {
  for (;;) {
    if (cpu.activity !== Activity.running) {
      const asleep = idle(cpu);
      if (asleep) return asleep;
    }
    const { state } = cpu;
    if (cpu.initPending && !initHeld(cpu)) {
      cpu.initPending = false;
      init(cpu);
      cpu.activity = cpu.isBootstrap ? Activity.running : Activity.waitForStartup;
      continue;
    }
    if (cpu.held.type >= 0) {
      const { type, vector, error, length } = cpu.held;
      cpu.held.type = -1;
      const ended = raised(cpu, deliverEvent(cpu, vector, type, error, length));
      if (ended) return ended;
      continue;
    }
    if (cpu.faultQueued) {
      cpu.faultQueued = false;
      const ended = raised(cpu, deliverException(cpu));
      if (ended) return ended;
      continue;
    }
    if (cpu.pendingDebug !== 0 && state.interruptShadow !== InterruptShadow.stack) {
      state.faultVector = Vector.db;
      state.faultError = -1;
      const ended = raised(cpu, deliverException(cpu));
      if (ended) return ended;
      continue;
    }
    if (state.guest !== 0) {
      const { virtualization } = cpu;
      const boundary = virtualization ? virtualization.boundary() : Boundary.nothing;
      if (boundary === Boundary.exit) {
        if (cpu.held.type >= 0) return guardedExit(cpu.state);
        if (switchWorld(cpu)) return vmExit;
        continue;
      }
      if (boundary === Boundary.delivered) continue;
      state.eventPending = virtualization?.eventPending ? 1 : 0;
    } else {
      if (end <= cpu.retired) return budgetExit;
      const event = takeEvent(cpu);
      if (event === taken) continue;
      if (event) return event;
    }
    if (cpu.mmu.watchpoints.code !== 0) {
      const met = meetsCodeBreakpoint(cpu);
      if (met >= 0) return { reason: 'breakpoint', index: met };
      if (met === guestsOwn) {
        state.faultVector = Vector.db;
        state.faultError = -1;
        const ended = raised(cpu, deliverException(cpu));
        if (ended) return ended;
        continue;
      }
    } else state.systemFlags &= ~Flag.rf;
    return undefined;
  }
}

const taken = { reason: 'budget' } as CpuExit;

/** NMIs and external interrupts outside of guests. `taken`: one was delivered. */
function takeEvent(cpu: Cpu): CpuExit | undefined {
  const { interrupts, state } = cpu;
  const held = cpu.virtualization?.eventsHeld ?? false;
  if (interrupts.nmiPending && !cpu.nmiBlocked && state.interruptShadow === 0 && !held) {
    interrupts.acknowledgeNmi();
    return raised(cpu, cpu.deliverNmi()) ?? taken;
  }
  if (interrupts.pending) {
    if ((state.systemFlags & Flag.if) !== 0 && state.interruptShadow === 0 && !held) {
      const vector = interrupts.acknowledge();
      return raised(cpu, deliverEvent(cpu, vector, EventType.external, -1)) ?? taken;
    }
    state.eventPending = 1;
  } else state.eventPending = interrupts.nmiPending ? 1 : 0;
  return undefined;
}

const initHeld = (cpu: Cpu): boolean =>
  cpu.state.guest !== 0 ||
  (cpu.virtualization !== undefined && (cpu.virtualization.eventsHeld || cpu.virtualization.initHeld));

/** Halted, waiting for SIPI, or shut down: an exit, or undefined once there is something to do. */
function idle(cpu: Cpu): CpuExit | undefined {
  const { interrupts, state } = cpu;
  // A single step of HLT or MWAIT ends it at once (SDM vol. 2, HLT and MWAIT: debug exceptions).
  const called = cpu.initPending || cpu.pendingDebug !== 0;
  switch (cpu.activity) {
    case Activity.halted: {
      const wakes =
        state.guest !== 0
          ? (cpu.virtualization?.wakes ?? false)
          : (interrupts.pending && (state.systemFlags & Flag.if) !== 0) || (interrupts.nmiPending && !cpu.nmiBlocked);
      if (!wakes && !called) return haltExit;
      cpu.activity = Activity.running;
      return undefined;
    }
    case Activity.waiting:
      if (!cpu.woken && !called) return haltExit;
      cpu.monitor.armed = false;
      cpu.activity = Activity.running;
      return undefined;
    case Activity.waitForStartup: {
      if (state.guest !== 0) return cpu.virtualization?.wakes ? undefined : haltExit;
      if (cpu.initPending) {
        cpu.initPending = false;
        init(cpu);
      }
      if (cpu.startupPending < 0) return haltExit;
      startUp(cpu, cpu.startupPending);
      cpu.startupPending = -1;
      return undefined;
    }
    default:
      if (state.guest !== 0) return cpu.virtualization?.wakes ? undefined : shutdownExit;
      if (!cpu.initPending || initHeld(cpu)) return shutdownExit;
      cpu.activity = Activity.running;
      return undefined;
  }
}

/** A sleeping guest's preemption timer goes on: time passes, and no instruction. */
const timerRuns = (cpu: Cpu): boolean =>
  (cpu.activity === Activity.halted || cpu.activity === Activity.shutdown) &&
  cpu.state.guest !== 0 &&
  (cpu.virtualization?.horizon ?? Number.POSITIVE_INFINITY) < Number.POSITIVE_INFINITY;

/** While global interrupts are disabled the breakpoint registers are met in vain (APM vol. 2, section 15.17). */
const heeds = (cpu: Cpu): boolean => cpu.state.guest !== 0 || !(cpu.virtualization?.eventsHeld ?? false);

/** Of `meetsCodeBreakpoint`: none; one of the guest's own, which is pending now. */
const noBreakpoint = -1;
const guestsOwn = -2;

/** The host's breakpoints come before the guest's. Their place in the host's list, or one of the two above. */
function meetsCodeBreakpoint(cpu: Cpu): number {
  const { mmu, state } = cpu;
  if ((state.systemFlags & Flag.rf) !== 0 || state.interruptShadow === InterruptShadow.stack) return noBreakpoint;
  const low = cpu.is64 ? state.ripLow : (state.ripLow + state.baseLow(Segment.cs)) | 0;
  const high = cpu.is64 ? state.ripHigh : 0;
  const host = mmu.watchpoints.meetsHostCode(low, high);
  if (host >= 0 || !heeds(cpu)) return host;
  const met = mmu.watchpoints.meetsCode(low, high);
  cpu.pendingDebug |= met;
  return met === 0 ? noBreakpoint : guestsOwn;
}

/** One slice of generated code, or one instruction alone where traps may follow it. The Leave. */
function execute(cpu: Cpu, left: number): number {
  const { mmu, state } = cpu;
  const { systemFlags: flags, interruptShadow: shadow } = state;
  const records = (state.low(layout.debugControl.offset) & DebugControl.lbr) !== 0;
  const alone = shadow !== 0 || (flags & (Flag.tf | Flag.rf)) !== 0 || cpu.stepRequested || records;
  cpu.stepRequested = false;
  if (!alone) return cpu.execute(Math.min(left, slice));

  const { watchpoints } = mmu;
  const traps = (flags & Flag.tf) !== 0 || watchpoints.data !== 0 || watchpoints.ports !== 0;
  mmu.stepping = true;
  state.set8(layout.stepping.offset, traps ? 1 : 0);
  watchpoints.hits = 0;
  cpu.shadowFresh = false;
  cpu.resumeFresh = false;
  cpu.stepSuppressed = false;
  cpu.expectBranch();
  const before = cpu.retired;
  const leave = cpu.execute(1);
  mmu.stepping = false;
  state.set8(layout.stepping.offset, 0);
  const retired = cpu.retired !== before;
  // An iteration of REP is trapped as an instruction is.
  if (!retired && !(traps && leave === Leave.spin)) return leave;
  if (!cpu.shadowFresh) state.interruptShadow = 0;
  if (retired && !cpu.resumeFresh) state.systemFlags &= ~Flag.rf;
  if (heeds(cpu)) cpu.pendingDebug |= watchpoints.guestHits;
  watchpoints.noteHostHit();
  watchpoints.hits = 0;
  if (
    cpu.branchEnded() &&
    (flags & Flag.tf) !== 0 &&
    !cpu.stepSuppressed &&
    !(cpu.shadowFresh && state.interruptShadow === InterruptShadow.stack)
  )
    cpu.pendingDebug |= Dr6.bs;
  return leave;
}

/** What to do about a Leave: an exit, or undefined: go on. */
function conclude(cpu: Cpu, leave: number): CpuExit | undefined {
  const { state } = cpu;
  switch (leave) {
    case Leave.fault:
      return raised(cpu, deliverException(cpu));
    case Leave.codeWrite:
      cpu.physical.written(state.low(layout.leaveAddress.offset) & ~0xfff, 0x1000);
      // Code that writes next to itself is decoded again on the way back to the same write: that one goes around the decoded code.
      if (cpu.retired === cpu.codeWrittenAt && !cpu.performAlone() && state.leave === Leave.guarded)
        return guardedExit(cpu.state);
      cpu.codeWrittenAt = cpu.retired;
      return undefined;
    case Leave.step:
      cpu.stepRequested = true;
      return undefined;
    case Leave.halt:
      cpu.activity = Activity.halted;
      return undefined;
    case Leave.wait:
      cpu.activity = Activity.waiting;
      return undefined;
    case Leave.shutdown:
      return raised(cpu, Delivery.shutdown);
    case Leave.nestedFault:
      if (!cpu.virtualization) return raised(cpu, Delivery.shutdown);
      cpu.virtualization.nestedFault();
      return switchWorld(cpu) ? vmExit : undefined;
    case Leave.vmexit:
    case Leave.world:
      return switchWorld(cpu) ? vmExit : undefined;
    case Leave.mmio:
      return {
        reason: 'mmio',
        address: leaveAddress(state),
        write: (state.get32(layout.leaveAccess.offset) & Access.write) !== 0,
      };
    case Leave.guarded:
      cpu.delivering.type = -1;
      return guardedExit(cpu.state);
    case Leave.io: {
      const { port, size, input, string, repeat, addressWidth, segment } = cpu.port;
      const length = (state.low(layout.nextRip.offset) - state.ripLow) & 0xf;
      return { reason: 'io', port, size, input, string, repeat, addressWidth, segment, length };
    }
    case Leave.msr:
      return { reason: 'msr', index: cpu.msrIndex >>> 0, write: cpu.msrWrite };
    case Leave.timestamp:
      return timestampExit;
    case Leave.pause:
      return pauseExit;
    default:
      return undefined;
  }
}

/** The end of a delivery. */
function raised(cpu: Cpu, delivery: number): CpuExit | undefined {
  if (delivery === Delivery.delivered) return undefined;
  if (delivery === Delivery.exit) {
    if (cpu.held.type >= 0) return guardedExit(cpu.state);
    return switchWorld(cpu) ? vmExit : undefined;
  }
  cpu.activity = Activity.shutdown;
  return shutdownExit;
}

/** True: the CPU has left guest mode, and whoever runs it wants to know. */
function switchWorld(cpu: Cpu): boolean {
  const { virtualization } = cpu;
  if (!virtualization) return false;
  const left = virtualization.switchWorld();
  cpu.delivering.type = -1;
  return left && cpu.stopsAtVmExit;
}
