/** One emulated CPU: core, MMU, run loop and the interpreter's hold on them. */
import type { InterruptController } from '../../board/bus/interrupt-controller.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { Mmu } from '../mmu/mmu.ts';
import type { CpuState, CpuStateChange, StateComponent } from '../state/cpu-state.ts';
import { state as layout } from '../state/layout.ts';
import { Leave } from '../state/leave.ts';
import { DebugControl, Dr6, Flag, Gpr, InterruptShadow, Vector } from '../state/registers.ts';
import { getState, setState } from '../state/snapshot.ts';
import type { StateBlock } from '../state/state-block.ts';
import { Branch, recordBranch } from './branches.ts';
import { Activity, CpuCore, type PortAccessor } from './core.ts';
import { deliverEvent } from './exceptions.ts';
import { type CpuExit, guardedExit } from './exit.ts';
import type { CpuModel } from './model.ts';
import { Pins } from './pins.ts';
import { powerOn } from './reset.ts';
import { run } from './run-loop.ts';
import { EventType } from './virtualization.ts';

/** Runs generated code at a CPU block for at most a budget of instructions; answers with a Leave. */
export type Engine = (block: number, budget: number) => number;

export interface CpuParts {
  readonly index: number;
  readonly state: StateBlock;
  readonly physical: PhysicalMemory;
  readonly model: CpuModel;
  /** The machine's time in ticks, this CPU's present slice included. */
  readonly ticks: () => number;
  readonly entropy?: { fill(bytes: Uint8Array): void } | undefined;
}

/** Generated code does not end by itself when its instructions are slow: dear helpers look whether it should. */
const dearCallsPerLook = 64;

export class Cpu extends CpuCore {
  readonly index: number;
  readonly mmu: Mmu;
  readonly physical: PhysicalMemory;
  readonly pins: Pins;
  /** Instructions retired, ever, up to the last return of generated code. */
  retired = 0;
  /** `run` returns when the CPU has left guest mode (for a driver that lives outside of the machine). */
  stopsAtVmExit = false;
  /** Back in the host: a driver outside of the machine executes single instructions there, and mostly enters the guest again. */
  deriveHost(): void {
    if (this.stopsAtVmExit) this.deriveMode();
    else this.derive();
  }
  /** The next instruction is to be executed alone. */
  stepRequested = false;
  /** Rounds of the run loop since an instruction retired. */
  stalls = 0;
  /** The exception in the fault fields is to be delivered first. */
  faultQueued = false;
  initPending = false;
  /** Vector of a startup IPI that waits, or -1. */
  startupPending = -1;
  /** Retired count at the last write to decoded code. */
  codeWrittenAt = -1;
  /** Executes the instruction at RIP by the evaluator. False: it could not. Set by the host. */
  performAlone: () => boolean = () => false;
  /** What kind of branch the instruction at RIP takes if nothing stops it. Set by the host. */
  foresee: () => number = () => Branch.none;
  #branch: number = Branch.none;
  #branchLow = 0;
  #branchHigh = 0;
  #stepsBranches = false;
  /** Retired count at which something outside wants to be asked: the run loop stops slices there. */
  alarm = Number.POSITIVE_INFINITY;
  onAlarm: (() => void) | undefined = undefined;
  /** Whether whoever runs the CPU wants it back before the budget ends: asked by the run loop, now and then. Set by them. */
  isOverdue: () => boolean = () => false;
  /** Since that was asked. */
  work = 0;
  /** Calls of dear helpers until it is asked. */
  dearCalls = dearCallsPerLook;

  #engine: Engine = () => {
    throw new Error('the CPU has no engine');
  };
  #given = 0;

  constructor({ index, state, physical, model, ticks, entropy }: CpuParts) {
    const mmu = new Mmu(state, physical, {
      physicalBits: model.physicalBits,
      hugePages: model.features.has('pdpe1gb'),
    });
    const pins = new Pins();
    const surroundings = {
      processor: index,
      get ports() {
        return pins.ports;
      },
      get ticks() {
        return ticks();
      },
      get interrupts() {
        return pins.controller;
      },
      entropy,
    };
    super(state, mmu, mmu, model, surroundings, mmu.fault);
    this.index = index;
    this.mmu = mmu;
    this.physical = physical;
    this.pins = pins;
  }

  set engine(engine: Engine) {
    this.#engine = engine;
  }

  /** PAUSE ends `run`. */
  set leavesAtPause(leaves: boolean) {
    this.state.set8(layout.leavesAtPause.offset, leaves ? 1 : 0);
  }

  get isBootstrap(): boolean {
    return this.index === 0;
  }

  /** What interrupts this CPU. */
  get interrupts(): Pins {
    return this.pins;
  }
  connect(controller: InterruptController | undefined): void {
    this.pins.controller = controller;
  }

  /** In MWAIT, a store or an interrupt may wake it. */
  get waiting(): boolean {
    return this.activity === Activity.waiting;
  }
  /** In MWAIT, and something has. */
  get woken(): boolean {
    if (!this.waiting) return false;
    const { interrupts, state } = this;
    const heard = this.waitIgnoresFlag || (state.systemFlags & Flag.if) !== 0;
    return !this.monitor.armed || (interrupts.pending && heard) || (interrupts.nmiPending && !this.nmiBlocked);
  }

  checkAlarm(): void {
    if (this.retired < this.alarm) return;
    this.alarm = Number.POSITIVE_INFINITY;
    this.onAlarm?.();
  }

  /** Instructions until `alarm` or an event of virtualization. */
  get horizon(): number {
    const ahead = this.alarm - this.retired;
    return this.state.guest !== 0 && this.virtualization ? Math.min(ahead, this.virtualization.horizon) : ahead;
  }

  /** Of the slice under way. */
  get progress(): number {
    return this.#given === 0 ? 0 : this.#given - this.state.budget;
  }

  /** Generated code, for at most `budget` instructions. */
  execute(budget: number): number {
    if (!this.isDerived) this.derive();
    const { state } = this;
    const inGuest = state.guest !== 0;
    this.#given = budget;
    state.budget = budget;
    const leave = this.#engine(state.base, budget);
    const done = this.#given - state.budget;
    this.#given = 0;
    this.retired += done;
    if (inGuest && this.virtualization) this.virtualization.retired(done);
    return leave;
  }

  /** Before a dear helper: generated code is to return first. The next call is not put off again, so that instructions do happen. */
  putsOff(): boolean {
    if (--this.dearCalls > 0) return false;
    this.dearCalls = dearCallsPerLook;
    if (!this.isOverdue()) return false;
    this.state.leave = Leave.breath;
    return true;
  }

  run(budget: number): CpuExit {
    return run(this, budget);
  }

  powerOn(): void {
    // Before registers: translations are derived from them, and no guest has any now.
    this.virtualization?.reset();
    powerOn(this);
    this.initPending = false;
    this.startupPending = -1;
  }

  /** INIT: taken at the next boundary; a CPU other than the bootstrap one then waits for `startup`. */
  signalInit(): void {
    this.initPending = true;
    this.startupPending = -1;
  }
  /** Startup IPI: matters to a CPU that waits for it only. */
  signalStartup(vector: number): void {
    this.startupPending = vector & 0xff;
  }

  /** NMIs stay blocked until the next IRET. */
  deliverNmi(): number {
    this.nmiBlocked = true;
    return deliverEvent(this, Vector.nmi, EventType.nmi, -1);
  }

  /** An instruction is to be executed alone: a branch is looked at before, where DEBUGCTL asks for branches. */
  expectBranch(): void {
    const { state } = this;
    const control = state.low(layout.debugControl.offset);
    const wanted = (state.systemFlags & Flag.tf) !== 0 ? control : control & DebugControl.lbr;
    this.#branch = wanted === 0 ? Branch.none : this.foresee();
    this.#branchLow = state.ripLow;
    this.#branchHigh = state.ripHigh;
    this.#stepsBranches = (control & DebugControl.btf) !== 0;
  }

  /** That instruction is done. True: a single step ends with it. */
  branchEnded(): boolean {
    const branch = this.#branch;
    if (branch !== Branch.none) recordBranch(this, branch, this.#branchLow, this.#branchHigh);
    this.#branch = Branch.none;
    return branch !== Branch.none || !this.#stepsBranches;
  }

  /** An instruction, or an iteration of one, has been executed for the processor. */
  stepped(): void {
    if (this.branchEnded() && (this.state.systemFlags & Flag.tf) !== 0) this.pendingDebug |= Dr6.bs;
  }

  /** A trap or a fault of an instruction that was done for the processor is to be delivered before the next one. */
  get owes(): boolean {
    if (this.held.type >= 0) return true;
    return this.faultQueued || (this.pendingDebug !== 0 && this.state.interruptShadow !== InterruptShadow.stack);
  }

  /** After an assist that could not: guarded memory has refused it. */
  get guardedExit(): CpuExit | undefined {
    return this.state.leave === Leave.guarded ? guardedExit(this.state) : undefined;
  }

  /** Time goes on though nothing retires: timers must be able to end it. */
  passTime(): void {
    this.retired++;
    if (this.state.guest !== 0) this.virtualization?.retired(1);
  }

  /** Whoever served an `io` or `msr` exit has done the instruction's work: it retires. */
  completeInstruction(): void {
    this.advance();
    const { state } = this;
    state.interruptShadow = 0;
    this.stepped();
    state.systemFlags &= ~Flag.rf;
    this.retired++;
    if (state.guest !== 0) this.virtualization?.retired(1);
  }
  /** The same for IN, with what was read. */
  completeInput(size: 1 | 2 | 4, value: number): void {
    if (size === 4) this.state.setGpr(Gpr.rax, 32, value, 0);
    else if (size === 2) this.state.set16(0, value);
    else this.state.set8(0, value);
    this.completeInstruction();
  }
  /** The same for RDMSR. */
  completeMsrRead(value: bigint): void {
    this.state.setGpr(Gpr.rax, 32, Number(BigInt.asIntN(32, value)), 0);
    this.state.setGpr(Gpr.rdx, 32, Number(BigInt.asIntN(32, value >> 32n)), 0);
    this.completeInstruction();
  }
  /** What OUT of an `io` exit writes. */
  outputValue(size: 1 | 2 | 4): number {
    const value = this.state.gprLow(Gpr.rax) >>> 0;
    return size === 4 ? value : size === 2 ? value & 0xffff : value & 0xff;
  }
  /** What WRMSR of an `msr` exit writes. */
  get msrValue(): bigint {
    const { state } = this;
    return (BigInt(state.gprLow(Gpr.rdx) >>> 0) << 32n) | BigInt(state.gprLow(Gpr.rax) >>> 0);
  }
  /** Executes the next instruction, INS or OUTS, with ports in place; a long REP may take several calls. */
  performPorts(ports: PortAccessor): CpuExit {
    this.pins.ports = ports;
    try {
      return run(this, 1);
    } finally {
      this.pins.ports = undefined;
    }
  }
  /** The instruction of an `io`, `msr` or `mmio` exit faults instead. */
  injectFault(vector: number, error: number): void {
    this.state.faultVector = vector;
    this.state.faultError = error;
    this.faultQueued = true;
  }

  getState<C extends StateComponent>(components?: readonly C[]): Pick<CpuState, C> {
    return getState(this, components);
  }
  setState(state: CpuStateChange): void {
    setState(this, state);
  }
}
