/** Intel VMX in a CPU (SDM vol. 3, chapters 24 to 34): what it changes about the rest of the processor. */
import { intercepts } from '../../isa/intercepts.ts';
import { state as layout } from '../../state/layout.ts';
import { Cr0, Cr4, Vector } from '../../state/registers.ts';
import { cr4Defined } from '../control-registers.ts';
import { Activity, type HelperImplementation } from '../core.ts';
import type { Cpu } from '../cpu.ts';
import { EventType, type PortAccess, TaskSwitchSource, type Virtualization } from '../virtualization.ts';
import { msrExits, portExits } from './bitmaps.ts';
import { boundary, wakes } from './boundary.ts';
import { capabilities, cr0Fixed, cr4Fixed } from './capabilities.ts';
import { controlExits, controlQualification, debugConditions, debugQualification } from './control-access.ts';
import { allowedSecondary, Pin, Primary, Secondary } from './controls.ts';
import { faultReason, violationQualification } from './ept.ts';
import { ExitRecord } from './exit-record.ts';
import { Field } from './fields.ts';
import { GuestRun, never } from './guest-run.ts';
import { vmxHelpers } from './helpers.ts';
import { exitPrimary, exitReasons, exitSecondary } from './intercepts.ts';
import { FeatureControl, Operation } from './operation.ts';
import { Reason } from './reasons.ts';
import { WorldSwitch } from './world-switch.ts';

const featureControl = 0x3a;

/** Faults restart their instruction: RF is saved as 1. #DB, #DF and #MC are none, #BP and #OF are traps. */
const restarting = ~((1 << Vector.db) | (1 << Vector.bp) | (1 << Vector.of) | (1 << Vector.df) | (1 << Vector.mc));

export class Vmx implements Virtualization {
  readonly kind = 'vmx';
  readonly helpers: Readonly<Record<string, HelperImplementation>> = vmxHelpers;
  readonly operation: Operation;
  readonly guest = new GuestRun();
  readonly record: ExitRecord;
  readonly world: WorldSwitch;
  /** In the guest CR8 is the CPU's: there is no TPR shadow. */
  readonly virtualTaskPriority = false;
  taskPriority = 0;
  readonly eferBits = 0;
  readonly cr4Bits: number = Cr4.vmxe;
  readonly eventsHeld = false;
  msrFault = false;
  readonly #capabilities: ReadonlyMap<number, readonly [number, number]>;

  constructor(
    readonly cpu: Cpu,
    linear: WebAssembly.Memory,
  ) {
    const { features } = cpu.model;
    const cr4 = cr4Defined(cpu) | Cr4.vmxe;
    this.#capabilities = capabilities({ features, cr4 });
    this.operation = new Operation(cpu, cr4);
    this.record = new ExitRecord(cpu, this.operation.vmcs);
    const secondary = allowedSecondary(features);
    this.world = new WorldSwitch(cpu, this.operation, this.guest, this.record, secondary, cr4, linear);
  }

  // Instructions.

  intercepted(id: number): boolean {
    return this.#exits(id) && this.record.intercepted(id);
  }

  #exits(id: number): boolean {
    if (exitReasons[id] < 0) return false;
    const primary = exitPrimary[id];
    const secondary = exitSecondary[id];
    if ((primary | secondary) === 0) return true;
    return ((this.guest.primary & primary) | (this.guest.secondary & secondary)) !== 0;
  }

  addressIntercepted(
    id: number,
    _segment: number,
    _offsetLow: number,
    _offsetHigh: number,
    linearLow: number,
    linearHigh: number,
  ): boolean {
    if (!this.#exits(id)) return false;
    if (id === intercepts.invlpg) return this.record.instruction(Reason.invlpg, linearLow, linearHigh);
    return this.record.intercepted(id);
  }

  portIntercepted(access: PortAccess): boolean {
    const { cpu, guest, record } = this;
    const { vmcs } = this.operation;
    const { port, size, input, string, repeat, immediate, addressWidth, segment } = access;
    const exits =
      (guest.primary & Primary.ioBitmaps) !== 0
        ? portExits(cpu.physical, vmcs, port, size)
        : (guest.primary & Primary.unconditionalIo) !== 0;
    if (!exits) return false;
    const qualification =
      (size - 1) |
      (input ? 1 << 3 : 0) |
      (string ? 1 << 4 : 0) |
      (repeat ? 1 << 5 : 0) |
      (immediate ? 1 << 6 : 0) |
      (port << 16);
    record.instruction(Reason.io, qualification);
    if (!string) return true;
    const width = addressWidth === 16 ? 0 : addressWidth === 32 ? 1 : 2;
    vmcs.set(Field.exitInstructionInfo, (width << 7) | (segment << 15));
    vmcs.set(Field.guestLinearAddress, access.linearLow, access.linearHigh);
    return true;
  }

  msrIntercepted(index: number, write: boolean): boolean {
    const { cpu, guest, operation, record } = this;
    if ((guest.primary & Primary.msrBitmap) !== 0 && !msrExits(cpu.physical, operation.vmcs, index, write))
      return false;
    return record.instruction(write ? Reason.wrmsr : Reason.rdmsr);
  }

  controlIntercepted(register: number, access: number, general: number): boolean {
    const { cpu, guest, operation, record } = this;
    const { vmcs } = operation;
    if (!controlExits(cpu, vmcs, guest.primary, register, access)) return false;
    vmcs.set(
      Field.guestLinearAddress,
      cpu.state.low(layout.faultAddress.offset),
      cpu.state.high(layout.faultAddress.offset),
    );
    return record.instruction(Reason.controlRegister, controlQualification(cpu, register, access, general));
  }

  controlWritten(): boolean {
    return false;
  }

  debugIntercepted(register: number, write: boolean, general: number): boolean {
    if ((this.guest.primary & Primary.movDebug) === 0) return false;
    return this.record.instruction(Reason.debugRegister, debugQualification(register, write, general));
  }

  /** INT n never exits by the exception bitmap; INT3, INTO and INT1 do. */
  softwareInterruptIntercepted(vector: number, type: number): boolean {
    if (type === EventType.software || ((this.guest.exceptionBitmap >>> vector) & 1) === 0) return false;
    this.record.instruction(Reason.exception);
    this.record.interruption(vector, type, -1);
    return true;
  }

  allows(id: number): boolean {
    const { secondary } = this.guest;
    if (id === intercepts.rdtscp) return (secondary & Secondary.rdtscp) !== 0;
    return id !== intercepts.invpcid || (secondary & Secondary.invpcid) !== 0;
  }

  // Events.

  exceptionIntercepted(vector: number, error: number): boolean {
    const { cpu, guest, record } = this;
    const { state } = cpu;
    // The monitor trap comes before debug traps, which the VMCS keeps.
    if (vector === Vector.db && guest.trapDue && cpu.delivering.type < 0) return record.record(Reason.monitorTrap);
    if (!this.#wants(vector, error)) {
      guest.happened();
      return false;
    }
    if (vector === Vector.pf)
      record.record(Reason.exception, state.low(layout.faultAddress.offset), state.high(layout.faultAddress.offset));
    else record.record(Reason.exception, debugConditions(vector, cpu.pendingDebug));
    record.interruption(vector, EventType.exception, (state.cr0 & Cr0.pe) === 0 ? -1 : error);
    record.unblocking(Field.exitInterruption);
    record.resume = ((restarting >>> vector) & 1) !== 0;
    // A double fault that exits is not part of the delivery that it comes from.
    if (vector !== Vector.df) record.vectoring();
    return true;
  }

  #wants(vector: number, error: number): boolean {
    const wanted = ((this.guest.exceptionBitmap >>> vector) & 1) !== 0;
    if (vector !== Vector.pf) return wanted;
    const { vmcs } = this.operation;
    const matches = (error & vmcs.low(Field.pageFaultMask)) === vmcs.low(Field.pageFaultMatch);
    return matches === wanted;
  }

  taskSwitchIntercepted(selector: number, source: number): boolean {
    const { record } = this;
    record.record(Reason.taskSwitch, selector | (source << 30));
    if (source === TaskSwitchSource.gate) record.vectoring();
    else record.lengthLater = true;
    return true;
  }

  shutdownIntercepted(): boolean {
    return this.record.record(Reason.tripleFault);
  }

  nestedFault(): void {
    const { cpu, record } = this;
    const { vmcs } = this.operation;
    const { nested } = cpu.mmu.paging;
    if (!nested) return;
    const { offset } = layout.faultAddress;
    const linearLow = cpu.state.low(offset);
    const linearHigh = cpu.state.high(offset);
    const reason = faultReason(nested);
    record.record(reason, reason === Reason.eptViolation ? violationQualification(nested) : 0);
    const within = nested.faultInTable ? 0 : linearLow & 0xfff;
    vmcs.set(Field.guestPhysicalAddress, nested.faultLow | within, nested.faultHigh);
    if (reason === Reason.eptViolation) record.unblocking(Field.exitQualification);
    record.resume = cpu.delivering.type < 0;
    record.vectoring();
    if (!nested.faultLinear) return;
    vmcs.set(Field.guestLinearAddress, linearLow, linearHigh);
    // The host may answer with other permissions and no INVEPT (section 30.4.3.1).
    cpu.mmu.invalidatePage(linearLow, linearHigh);
  }

  boundary(): number {
    return boundary(this.cpu, this.guest, this.record, this.operation.vmcs);
  }

  get eventPending(): boolean {
    const { interrupts } = this.cpu;
    const windows = Primary.interruptWindow | Primary.nmiWindow;
    return (this.guest.primary & windows) !== 0 || interrupts.pending || interrupts.nmiPending;
  }

  get wakes(): boolean {
    if (!wakes(this.cpu, this.guest)) return false;
    this.guest.sleep = this.cpu.activity;
    return true;
  }

  get horizon(): number {
    const { cpu, guest } = this;
    if ((guest.primary & Primary.monitorTrap) !== 0 && cpu.activity === Activity.running) return 1;
    return guest.deadline === never ? never : guest.deadline - cpu.ticks;
  }

  retired(instructions: number): void {
    const { guest } = this;
    guest.sleep = 0;
    if (instructions > 0) guest.happened();
  }

  get initHeld(): boolean {
    return this.operation.active;
  }

  /** With NMI exiting and without virtual NMIs, IRET does not touch the blocking that the VMCS describes. */
  nmiUnblocked(): void {
    const { pin } = this.guest;
    if ((pin & (Pin.nmi | Pin.virtualNmi)) !== Pin.nmi) this.cpu.nmiBlocked = false;
  }

  switchWorld(): boolean {
    return this.world.perform();
  }

  // Registers.

  readMsr(index: number): boolean {
    const { cpu } = this;
    this.msrFault = false;
    if (index === featureControl) {
      cpu.low = this.operation.featureControl;
      cpu.high = 0;
      return true;
    }
    const capability = this.#capabilities.get(index);
    if (!capability) return false;
    [cpu.low, cpu.high] = capability;
    return true;
  }

  writeMsr(index: number): boolean {
    const { cpu, operation } = this;
    this.msrFault = this.#capabilities.has(index);
    if (index !== featureControl) return false;
    const { lock, insideSmx, outsideSmx } = FeatureControl;
    this.msrFault =
      (operation.featureControl & lock) !== 0 || cpu.high !== 0 || (cpu.low & ~(lock | insideSmx | outsideSmx)) !== 0;
    if (this.msrFault) return false;
    operation.featureControl = cpu.low;
    return true;
  }

  controlRefused(register: number, low: number): boolean {
    if (!this.operation.active) return false;
    if (register === 4) return (cr4Fixed & ~low) !== 0;
    if (register !== 0) return false;
    const free = this.cpu.state.guest !== 0 && (this.guest.secondary & Secondary.unrestricted) !== 0;
    return ((free ? cr0Fixed & ~(Cr0.pe | Cr0.pg) : cr0Fixed) & ~low) !== 0;
  }

  reset(): void {
    const { cpu } = this;
    this.operation.reset();
    this.operation.featureControl = 0;
    this.world.cancel();
    this.msrFault = false;
    cpu.mmu.space = 0;
    cpu.mmu.paging.nested = undefined;
  }
}
