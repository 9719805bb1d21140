/**
 * A CPU as helpers see it: its state block, its memory, and the acts that many of them share. A running CPU (cpu.ts) is one over an Mmu; a
 * detached one (an assist that executes a single instruction of somebody else's guest) brings memory of its own.
 */
import type { InterruptController } from '../../board/bus/interrupt-controller.ts';
import type { Entropy } from '../../board/host/entropy.ts';
import { LineMonitor } from '../memory/line-monitor.ts';
import { GuestFault } from '../mmu/fault.ts';
import type { LinearMemory } from '../mmu/linear-memory.ts';
import { LinearAddress } from '../mmu/segmentation.ts';
import type { StateComponent } from '../state/cpu-state.ts';
import { state as layout } from '../state/layout.ts';
import { Leave, Status } from '../state/leave.ts';
import { is64, isReal } from '../state/mode.ts';
import { Cr0, Cr4, Efer, Flag, Vector, Xcr0 } from '../state/registers.ts';
import type { StateHolder } from '../state/snapshot.ts';
import type { StateBlock } from '../state/state-block.ts';
import { cplOf, decodeModeOf } from './decode-mode.ts';
import { Descriptor } from './descriptor.ts';
import { FloatUnit } from './helpers/float-unit.ts';
import type { CpuModel } from './model.ts';
import { StackFrame } from './stack-frame.ts';
import type { PortAccess, Virtualization } from './virtualization.ts';

/** What the CPU says to its translation unit. */
export interface Translation {
  /** After any change of CR0, CR4, EFER, decode mode or world. */
  refresh(): void;
  /** After a change of CPL or RFLAGS.AC alone. */
  refreshPrivilege(): void;
  rootLoaded(keep: boolean): void;
  flushAll(): void;
  flushCurrentSpace(): void;
  flushProcessContext(identifier: number): void;
  invalidatePage(low: number, high: number): void;
  refreshWatchpoints(): void;
  /** PAE: 0, or 1 where a PDPTE has a reserved bit set; throws after a nested fault, or where guarded memory refuses (with `guards`, the default). */
  loadPdptes(guards?: boolean): number;
  /** Breakpoints on ports that an access meets are remembered for after the instruction. */
  portAccessed(port: number, size: number): void;
  /** There are breakpoints on data: what an event's delivery accesses is between these two. The second answers with the guest's that were met. */
  readonly watchesData: boolean;
  beginDelivery(): void;
  endDelivery(): number;
  /** Arms a monitor at the line with this linear address, which can be read. It stays as it is where there is no memory. */
  watchLine(monitor: LineMonitor, low: number, high: number): void;
}

/** Who performs port I/O in place; without it port instructions make an exit. */
export interface PortAccessor {
  read(port: number, size: 1 | 2 | 4): number;
  write(port: number, size: 1 | 2 | 4, value: number): void;
}

export interface CpuSurroundings {
  /** Number of the processor: its APIC id. */
  readonly processor: number;
  readonly ports?: PortAccessor | undefined;
  /** The time-stamp counter's basis: one tick an instruction, idle time included. */
  readonly ticks: number;
  readonly interrupts?: InterruptController | undefined;
  readonly entropy?: Entropy | undefined;
}

/** `waiting`: in MWAIT. */
export const Activity = { running: 0, halted: 1, waitForStartup: 2, shutdown: 3, waiting: 4 } as const;

export class CpuCore implements StateHolder {
  /** Second results: 64-bit values as halves. */
  low = 0;
  high = 0;
  /** The instruction under way has set the interrupt shadow itself. */
  shadowFresh = false;
  /** The instruction under way has loaded RFLAGS.RF itself. */
  resumeFresh = false;
  /** The IRET under way has unblocked NMIs, and is not done: what VMX tells about an exit because of its fault. */
  nmiUnblocking = false;
  /** The instruction under way has cleared TF on its way to a handler: no single-step trap follows it. */
  stepSuppressed = false;
  activity: number = Activity.running;
  /** MWAIT was told that interrupts end it even where IF is 0. */
  waitIgnoresFlag = false;
  /** DR6 bits of debug traps that wait for the end of the instruction. */
  pendingDebug = 0;
  /** The event whose delivery is under way; type -1: none. Faults in between happen "during delivery". */
  readonly delivering = { type: -1, vector: 0, error: -1, length: 0 };
  /** The event whose delivery guarded memory has stopped: it comes before everything else. Type -1: none. */
  readonly held = { type: -1, vector: 0, error: -1, length: 0 };
  virtualization: Virtualization | undefined = undefined;
  /** The MSR of an `msr` exit. */
  msrIndex = 0;
  msrWrite = false;
  /** What generated code and memory accesses depend on is up to date. */
  isDerived = false;
  readonly monitor = new LineMonitor();
  /** An FXSAVE image on its way. */
  readonly image = new Uint8Array(512);

  /** Arithmetic of SSE and x87 instructions. */
  readonly float = new FloatUnit();
  readonly address = new LinearAddress();
  readonly descriptor = new Descriptor();
  /** A second one, where two are looked at (CS and SS, gate and code). */
  readonly other = new Descriptor();
  readonly frame = new StackFrame();
  readonly port: PortAccess = {
    port: 0,
    size: 1,
    input: false,
    string: false,
    repeat: false,
    immediate: false,
    addressWidth: 64,
    segment: 0,
    linearLow: 0,
    linearHigh: 0,
  };

  constructor(
    readonly state: StateBlock,
    /** Replaced while an assist executes an instruction. */
    public memory: LinearMemory,
    readonly translation: Translation,
    readonly model: CpuModel,
    readonly surroundings: CpuSurroundings,
    readonly fault: GuestFault = new GuestFault(),
  ) {}

  // Ends of helpers.

  /** Aborts the instruction with a fault. */
  raise(vector: number, error = -1): never {
    const { fault, state } = this;
    state.leave = Leave.fault;
    state.faultVector = vector;
    state.faultError = error;
    fault.status = Status.fault;
    throw fault;
  }

  /** Aborts the instruction, undone, for a reason that the run loop deals with. */
  exit(leave: number): never {
    this.state.leave = leave;
    this.fault.status = Status.exit;
    throw this.fault;
  }

  /** The instruction is done and the run loop is needed. */
  leaveAfter(leave: number): Status {
    this.advance();
    this.state.leave = leave;
    return Status.leave;
  }

  /** The instruction is done; context or mode may have changed. */
  transferred(): Status {
    this.advance();
    return Status.transferred;
  }

  /** The instruction is done, RIP is set. It may have opened a window for events, or set TF: then the run loop is needed. */
  arrived(): Status {
    const { state } = this;
    if (state.eventPending === 0 && (state.systemFlags & (Flag.tf | Flag.rf)) === 0) return Status.transferred;
    state.leave = Leave.events;
    return Status.leave;
  }
  /** The same for one that goes on to the next instruction. */
  windowOpened(): Status {
    this.advance();
    return this.arrived();
  }

  /** Continue at the next instruction. */
  advance(): void {
    this.state.copy64(layout.rip.offset, layout.nextRip.offset);
  }

  /** Exits if `intercepted`. */
  stop(intercepted: boolean): void {
    if (intercepted) this.exit(Leave.vmexit);
  }

  /** No interrupt before the end of the next instruction. */
  shadow(kind: number): Status {
    this.state.interruptShadow = kind;
    this.shadowFresh = true;
    return this.leaveAfter(Leave.events);
  }

  // Modes.

  get is64(): boolean {
    return is64(this.state.mode);
  }
  get isReal(): boolean {
    return isReal(this.state.mode);
  }
  get isVirtual8086(): boolean {
    return (this.state.systemFlags & Flag.vm) !== 0;
  }
  /** Protected mode, segments by descriptors: neither real nor virtual-8086 mode. */
  get isProtected(): boolean {
    return (this.state.cr0 & Cr0.pe) !== 0 && (this.state.systemFlags & Flag.vm) === 0;
  }
  /** IA-32e mode, compatibility mode included. */
  get isLong(): boolean {
    return (this.state.efer & Efer.lma) !== 0;
  }
  get iopl(): number {
    return (this.state.systemFlags >> 12) & 3;
  }

  set cpl(value: number) {
    this.state.cpl = value;
  }
  get cpl(): number {
    return this.state.cpl;
  }

  /** After a change of CS, SS, data segments, CPL, RFLAGS.VM or AC, CR0.PE or EFER.LMA. */
  modeChanged(): void {
    const { state } = this;
    const mode = decodeModeOf(this.state);
    if (mode === state.mode) this.translation.refreshPrivilege();
    else {
      state.mode = mode;
      this.translation.refresh();
    }
  }

  /** After a change of CR0, CR4, XCR0 or the x87 status word: which units need asking before use. */
  unitsChanged(): void {
    const { state } = this;
    const unavailable = (state.cr0 & (Cr0.em | Cr0.ts)) !== 0;
    const pending = (state.get16(layout.fsw.offset) & 0x80) !== 0;
    state.set32(layout.x87Blocked.offset, unavailable || pending ? 1 : 0);
    state.set32(layout.avxBlocked.offset, (state.cr0 & Cr0.ts) !== 0 || !isAvxEnabled(state) ? 1 : 0);
    state.set32(layout.sseBlocked.offset, unavailable || (state.cr4 & Cr4.osfxsr) === 0 ? 1 : 0);
  }

  /** Everything that is derived from registers. */
  derive(): void {
    this.deriveMode();
    this.isDerived = true;
    this.unitsChanged();
    this.translation.refreshWatchpoints();
    this.translation.refresh();
  }
  /** The least that single instructions without memory operands need. */
  deriveMode(): void {
    this.state.mode = decodeModeOf(this.state);
    this.isDerived = false;
  }

  // StateHolder

  get ticks(): number {
    return this.surroundings.ticks;
  }

  /** CR8 is the interrupt controller's register. A CPU without one has it in its block. */
  get taskPriority(): number {
    const { virtualization, surroundings, state } = this;
    if (state.guest !== 0 && virtualization?.virtualTaskPriority) return virtualization.taskPriority;
    return surroundings.interrupts ? surroundings.interrupts.taskPriority : state.low(layout.cr8.offset);
  }
  set taskPriority(value: number) {
    const { virtualization, surroundings, state } = this;
    if (state.guest !== 0 && virtualization?.virtualTaskPriority) virtualization.taskPriority = value;
    else if (surroundings.interrupts) surroundings.interrupts.taskPriority = value;
    else state.set64(layout.cr8.offset, value, 0);
  }

  get nmiBlocked(): boolean {
    return this.state.get32(layout.nmiBlocked.offset) !== 0;
  }
  set nmiBlocked(value: boolean) {
    this.state.set32(layout.nmiBlocked.offset, value ? 1 : 0);
  }

  get halted(): boolean {
    return this.activity === Activity.halted;
  }
  set halted(value: boolean) {
    this.activity = value ? Activity.halted : Activity.running;
  }

  stateWritten(components: readonly StateComponent[]): void {
    const { state } = this;
    if (components.includes('segments') || components.includes('controls') || components.includes('general'))
      state.cpl = cplOf(state);
    this.unitsChanged();
    state.mode = decodeModeOf(this.state);
    this.translation.refreshWatchpoints();
    this.translation.flushAll();
    if (components.includes('controls') && this.usesPdptes) this.translation.loadPdptes(false);
  }

  /** PAE paging outside of IA-32e mode. */
  get usesPdptes(): boolean {
    const { cr0, cr4 } = this.state;
    return (cr0 & Cr0.pg) !== 0 && (cr4 & Cr4.pae) !== 0 && !this.isLong;
  }

  // Memory operands.

  /** Linear address of an operand, in `address`; #GP(0) or #SS(0) if the segment does not allow the access. */
  operand(segment: number, low: number, high: number, size: number, access: number): LinearAddress {
    const vector = this.address.form(this.state, segment, low, high, size, access);
    if (vector !== 0) this.raise(vector, 0);
    return this.address;
  }

  /** #GP(0) at CPL > 0. */
  requireSupervisor(): void {
    if (this.state.cpl !== 0) this.raise(Vector.gp, 0);
  }
}

/** The operating system has enabled XSAVE with the states of SSE and AVX. */
export const isAvxEnabled = (state: StateBlock): boolean =>
  (state.cr4 & Cr4.osxsave) !== 0 && (state.low(layout.xcr0.offset) & avxStates) === avxStates;
const avxStates = Xcr0.sse | Xcr0.avx;

export type HelperImplementation = (cpu: CpuCore) => Status;

/** Runs a helper to its status. */
export function callHelper(cpu: CpuCore, helper: HelperImplementation): Status {
  try {
    return helper(cpu);
  } catch (error) {
    if (error !== cpu.fault) throw error;
    return cpu.fault.status;
  }
}
