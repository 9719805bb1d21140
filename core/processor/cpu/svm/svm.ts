/** AMD's Secure Virtual Machine in one processor (APM vol. 2, chapter 15): what is intercepted, and with what information. */
import { intercepts } from '../../isa/intercepts.ts';
import { NestedFaultKind } from '../../mmu/nested-paging.ts';
import { PageFault } from '../../mmu/paging.ts';
import { state as layout } from '../../state/layout.ts';
import { Access } from '../../state/leave.ts';
import { CodeSize, codeSizeOf, is64 } from '../../state/mode.ts';
import { Cr0, Dr7, Efer, Flag, Vector } from '../../state/registers.ts';
import type { Cpu } from '../cpu.ts';
import { noteDebugConditions } from '../exceptions.ts';
import {
  ControlAccess,
  EventType,
  eferRegister,
  type PortAccess,
  TaskSwitchSource,
  type Virtualization,
} from '../virtualization.ts';
import { ExitCode, instructionExitCodes } from './exit-code.ts';
import { GuestEvents } from './guest-events.ts';
import { svmInstructions } from './helpers.ts';
import { SvmMsrs, VmCr } from './msrs.ts';
import { msrMapped, portMapped } from './permission-maps.ts';
import { SvmState } from './svm-state.ts';
import { NestedFaultPlace } from './vmcb.ts';
import { WorldSwitch } from './world-switch.ts';

/** EXITINFO1 of control register accesses, high half: it was a MOV, the register number is there. */
const moved = 1 << 31;
/** EXITINFO2 of task switches, high half. */
const TaskSwitchInfo = { iret: 1 << 4, jump: 1 << 6, hasError: 1 << 12, resumeFlag: 1 << 16 } as const;
/** A selective CR0 write intercept lets these change. */
const unselected = Cr0.ts | Cr0.mp;

export class Svm implements Virtualization {
  readonly kind = 'svm';
  readonly helpers: ReturnType<typeof svmInstructions>;
  readonly #svm: SvmState;
  readonly #events: GuestEvents;
  readonly #msrs: SvmMsrs;
  readonly #switch: WorldSwitch;

  constructor(
    private readonly cpu: Cpu,
    linear: WebAssembly.Memory,
  ) {
    this.helpers = svmInstructions(this, linear);
    const svm = new SvmState(cpu);
    this.#svm = svm;
    this.#events = new GuestEvents(svm);
    this.#msrs = new SvmMsrs(svm);
    this.#switch = new WorldSwitch(svm, linear);
  }

  // Instructions of SVM.

  /** VMRUN is done but for the world switch, which the run loop asks for. */
  enter(low: number, high: number): void {
    const svm = this.#svm;
    svm.entering = true;
    svm.vmcbLow = low;
    svm.vmcbHigh = high;
  }

  /** Memory that can hold a VMCB: the page's linear-memory address, or 0. */
  locate(low: number, high: number): number {
    return this.cpu.physical.locateWritable(low, high);
  }

  /** STGI and CLGI; in a guest the hypervisor may give a flag of its own. */
  setGlobalInterrupts(enabled: boolean): void {
    const svm = this.#svm;
    if (this.cpu.state.guest !== 0 && svm.controls.virtualGif) svm.virtualGif = enabled;
    else svm.gif = enabled;
  }

  // Intercepts.

  intercepted(id: number): boolean {
    const { controls } = this.#svm;
    if (id === intercepts.lmsw) return this.#lmswIntercepted();
    // INT n exits where its vector is known.
    const code = instructionExitCodes[id];
    if (code < 0) return false;
    if (controls.intercepts(code))
      return code === ExitCode.pause && !this.#pauseFiltered() ? false : this.#instruction(code);
    if (id === intercepts.mwait && this.cpu.monitor.armed && controls.intercepts(ExitCode.mwaitArmed))
      return this.#instruction(ExitCode.mwaitArmed);
    return false;
  }

  /** Before its operand is read, and whatever it writes: the selective intercept is for all of LMSW too (table 15-7). */
  #lmswIntercepted(): boolean {
    const { controls } = this.#svm;
    const found = [ExitCode.writeControl, ExitCode.selectiveCr0Write].find(code => controls.intercepts(code));
    return found !== undefined && this.#instruction(found);
  }

  /** Whether the PAUSE exits: the filter lets a number of them pass, anew after a pause between PAUSEs. */
  #pauseFiltered(): boolean {
    const svm = this.#svm;
    const { pauseCount, pauseThreshold } = svm.controls;
    if (pauseCount === 0) return true;
    const { ticks } = this.cpu;
    if (pauseThreshold !== 0 && ticks - svm.lastPause > pauseThreshold) svm.pausesLeft = pauseCount;
    svm.lastPause = ticks;
    return --svm.pausesLeft < 0;
  }

  addressIntercepted(
    id: number,
    _segment: number,
    _offsetLow: number,
    _offsetHigh: number,
    linearLow: number,
    linearHigh: number,
  ): boolean {
    const code = instructionExitCodes[id];
    if (code < 0 || !this.#svm.controls.intercepts(code)) return false;
    const hasAddress = code === ExitCode.invlpg || code === ExitCode.invlpga;
    return this.#instruction(code, hasAddress ? linearLow : 0, hasAddress ? linearHigh : 0);
  }

  portIntercepted(access: PortAccess): boolean {
    const { controls, exit } = this.#svm;
    const { port, size, input, string, repeat, addressWidth, segment } = access;
    if (!controls.intercepts(ExitCode.port) || !portMapped(this.cpu.physical, controls, port, size)) return false;
    const info =
      (input ? 1 : 0) |
      (string ? (1 << 2) | (segment << 10) : 0) |
      (repeat ? 1 << 3 : 0) |
      (size << 4) |
      (((string ? addressWidth : this.#codeWidth) >> 4) << 7) |
      (port << 16);
    this.#instruction(ExitCode.port, info);
    exit.info2Low = this.cpu.state.low(layout.nextRip.offset);
    exit.info2High = this.cpu.state.high(layout.nextRip.offset);
    return true;
  }

  /** Address width of an instruction that has no memory operand. */
  get #codeWidth(): number {
    const { mode } = this.cpu.state;
    return is64(mode) ? 64 : codeSizeOf(mode) === CodeSize.bits32 ? 32 : 16;
  }

  msrIntercepted(index: number, write: boolean): boolean {
    const { controls } = this.#svm;
    if (!controls.intercepts(ExitCode.msr) || !msrMapped(this.cpu.physical, controls, index, write)) return false;
    return this.#instruction(ExitCode.msr, write ? 1 : 0);
  }

  controlIntercepted(register: number, access: number, general: number): boolean {
    const { controls } = this.#svm;
    const reads = access === ControlAccess.read || access === ControlAccess.smsw;
    const code = (reads ? ExitCode.readControl : ExitCode.writeControl) + register;
    const isMove = access === ControlAccess.read || access === ControlAccess.write;
    const found = controls.intercepts(code)
      ? code
      : register === 0 && this.#selectsCr0Write(access)
        ? ExitCode.selectiveCr0Write
        : -1;
    return found >= 0 && this.#instruction(found, isMove ? general : 0, isMove ? moved : 0);
  }

  #selectsCr0Write(access: number): boolean {
    const { cpu } = this;
    if (!this.#svm.controls.intercepts(ExitCode.selectiveCr0Write)) return false;
    return access === ControlAccess.write && ((cpu.state.cr0 ^ cpu.low) & ~unselected) !== 0;
  }

  controlWritten(register: number): boolean {
    const { controls, exit } = this.#svm;
    const code = register === eferRegister ? ExitCode.eferWritten : ExitCode.controlWritten + register;
    if (!controls.intercepts(code)) return false;
    const { state } = this.cpu;
    exit.start(code);
    const place = register === eferRegister ? layout.efer : controlFields[register];
    if (place) {
      exit.info1Low = state.low(place.offset);
      exit.info1High = state.high(place.offset);
    } else exit.info1Low = this.cpu.taskPriority;
    return true;
  }

  /** General detection comes first: its #DB may be intercepted itself. */
  debugIntercepted(register: number, write: boolean, general: number): boolean {
    if ((this.cpu.state.low(layout.dr7.offset) & Dr7.gd) !== 0) return false;
    const code = (write ? ExitCode.writeDebug : ExitCode.readDebug) + register;
    return this.#svm.controls.intercepts(code) && this.#instruction(code, general);
  }

  softwareInterruptIntercepted(vector: number, type: number): boolean {
    const { controls } = this.#svm;
    if (type === EventType.software)
      return controls.intercepts(ExitCode.softwareInterrupt) && this.#instruction(ExitCode.softwareInterrupt, vector);
    // INT1 has an intercept of its own; that of #DB is not for it (section 15.9).
    if (type === EventType.privilegedSoftware) return false;
    const code = ExitCode.exception + vector;
    return controls.intercepts(code) && this.#instruction(code);
  }

  exceptionIntercepted(vector: number, error: number): boolean {
    const { controls, exit } = this.#svm;
    const { cpu } = this;
    if (vector > 31 || !controls.intercepts(ExitCode.exception + vector)) return false;
    exit.start(ExitCode.exception + vector);
    // A double fault has taken the first event's place.
    if (vector !== Vector.df) exit.noteDelivery(cpu);
    if (error !== -1) exit.info1Low = error;
    if (vector === Vector.pf) {
      exit.info2Low = cpu.state.low(layout.faultAddress.offset);
      exit.info2High = cpu.state.high(layout.faultAddress.offset);
      exit.withBytes = (error & PageFault.fetch) === 0;
    } else if (vector === Vector.db) noteDebugConditions(cpu); // as its handler would see them (section 15.12.2)
    return true;
  }

  taskSwitchIntercepted(selector: number, source: number, hasError: boolean, error: number): boolean {
    const { controls, exit } = this.#svm;
    if (!controls.intercepts(ExitCode.taskSwitch)) return false;
    exit.start(ExitCode.taskSwitch);
    exit.noteDelivery(this.cpu);
    exit.info1Low = selector & 0xffff;
    exit.info2Low = hasError ? error | 0 : 0;
    exit.info2High =
      (source === TaskSwitchSource.iret ? TaskSwitchInfo.iret : 0) |
      (source === TaskSwitchSource.jump ? TaskSwitchInfo.jump : 0) |
      (hasError ? TaskSwitchInfo.hasError : 0) |
      ((this.cpu.state.systemFlags & Flag.rf) !== 0 ? TaskSwitchInfo.resumeFlag : 0);
    return true;
  }

  shutdownIntercepted(): boolean {
    const { controls, exit } = this.#svm;
    if (!controls.intercepts(ExitCode.shutdown)) return false;
    exit.start(ExitCode.shutdown);
    return true;
  }

  nestedFault(): void {
    const { exit } = this.#svm;
    const { cpu } = this;
    const walk = cpu.mmu.paging.nested;
    exit.start(ExitCode.nestedPageFault);
    exit.noteDelivery(cpu);
    if (!walk) return;
    const { faultKind, faultAccess, faultInTable } = walk;
    const fetched = (faultAccess & Access.execute) !== 0;
    exit.info1Low =
      PageFault.user |
      (faultKind === NestedFaultKind.absent ? 0 : PageFault.present) |
      (faultKind === NestedFaultKind.malformed ? PageFault.reserved : 0) |
      ((faultAccess & Access.write) !== 0 ? PageFault.write : 0) |
      (fetched ? PageFault.fetch : 0);
    exit.info1High = faultInTable ? NestedFaultPlace.table : NestedFaultPlace.final;
    const within = faultInTable ? 0 : cpu.state.low(layout.faultAddress.offset) & 0xfff;
    exit.info2Low = walk.faultLow | within;
    exit.info2High = walk.faultHigh;
    exit.withBytes = !fetched && !faultInTable;
  }

  allows(): boolean {
    return true;
  }

  /** An exit that lies before an instruction, whose successor is known. */
  #instruction(code: number, infoLow = 0, infoHigh = 0): true {
    const { exit } = this.#svm;
    exit.start(code);
    exit.afterInstruction = true;
    exit.info1Low = infoLow;
    exit.info1High = infoHigh;
    return true;
  }

  // Events.

  boundary(): number {
    return this.#events.boundary();
  }
  get eventPending(): boolean {
    return this.#events.pending;
  }
  get wakes(): boolean {
    return this.#events.wakes;
  }
  get horizon(): number {
    return Number.POSITIVE_INFINITY;
  }
  retired(): void {}
  get eventsHeld(): boolean {
    return !this.#svm.gif;
  }
  get initHeld(): boolean {
    return false;
  }
  get virtualTaskPriority(): boolean {
    return this.#svm.controls.virtualMasking;
  }
  get taskPriority(): number {
    return this.#svm.taskPriority;
  }
  set taskPriority(value: number) {
    this.#svm.taskPriority = value & 0xf;
  }
  nmiUnblocked(): void {
    this.cpu.nmiBlocked = false;
  }

  // The world, and registers.

  switchWorld(): boolean {
    return this.#switch.perform();
  }

  readMsr(index: number): boolean {
    return this.#msrs.read(index);
  }
  writeMsr(index: number): boolean {
    return this.#msrs.write(index);
  }
  get msrFault(): boolean {
    return this.#msrs.fault;
  }
  get eferBits(): number {
    return (this.#svm.vmCr & VmCr.disable) !== 0 ? 0 : Efer.svme;
  }
  get cr4Bits(): number {
    return 0;
  }
  controlRefused(): boolean {
    return false;
  }

  reset(): void {
    this.#svm.reset();
  }
}

const controlFields = [layout.cr0, undefined, layout.cr2, layout.cr3, layout.cr4];
