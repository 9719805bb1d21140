/**
 * A processor under a driver that lives outside of the emulated machine: it stands in 64-bit mode at CPL 0, with linear addresses that
 * are physical ones, and executes single privileged instructions. Guest code runs in VMRUN, VMLAUNCH and VMRESUME only.
 */
import type { virtualHelpers } from '../ir/helper-rows/virtual.ts';
import { readFpuImage, writeFpuImage } from '../state/fpu-image.ts';
import { gprOffset, state as layout, Segment, vectorSize, ymmHighOffset } from '../state/layout.ts';
import { Leave, Status } from '../state/leave.ts';
import { Flag, Gpr, Vector } from '../state/registers.ts';
import { loadControl, storeControl } from './control-registers.ts';
import { callHelper, type HelperImplementation } from './core.ts';
import type { Cpu } from './cpu.ts';
import { guestCpuid } from './cpuid.ts';
import { loadDebug, loadXcr0 } from './helpers/control.ts';
import { helperImplementations } from './helpers/index.ts';
import type { Host } from './host.ts';
import { type CpuidResult, type HostCpu, HostFault, VmxOutcome } from './host-cpu.ts';
import { standInHostMode } from './host-state.ts';
import { LocalInterrupt } from './local-interrupt.ts';
import { MsrAnswer, readMsr, readTimestamp, writeMsr } from './msr.ts';
import { MoveLists, quad } from './register-moves.ts';
import type { Operation } from './vmx/operation.ts';
import { Vmx } from './vmx/vmx.ts';

const slice = 1_000_000;
const { clgi, stgi, vmlaunch, vmload, vmresume, vmrun, vmsave } = helperImplementations;
/** By hardware number, without rSP and without what the VMCB holds. */
const generals = (first: number) =>
  Array.from({ length: 16 }, (_, n) => quad(n * 8, { offset: gprOffset(n) })).filter(
    (_, n) => n >= first && n !== Gpr.rsp,
  );
const generalMoves = new MoveLists({ svm: generals(1), vmx: generals(0) });

export class HostProcessor implements HostCpu {
  readonly index: number;
  readonly #interrupt = new LocalInterrupt();
  readonly #general: ReturnType<typeof generalMoves.over>;
  #standing = false;
  preemptionNeeded = false;
  isWanted: () => boolean = () => false;
  rdmsrHigh = 0;
  vmreadHigh = 0;
  vmreadOutcome: VmxOutcome = VmxOutcome.succeed;

  constructor(
    private readonly cpu: Cpu,
    private readonly host: Host,
  ) {
    this.index = cpu.index;
    this.#general = generalMoves.over(host.linear);
  }

  /** What a host's kernel has set up before its hypervisor module is loaded. Done at the first instruction. */
  #stand(): Cpu {
    const { cpu } = this;
    if (this.#standing) return cpu;
    this.#standing = true;
    const { virtualization } = cpu;
    if (virtualization instanceof Vmx) this.#operation = virtualization.operation;
    cpu.connect(this.#interrupt);
    cpu.isOverdue = () => {
      this.#interrupt.pending ||= this.isWanted();
      return this.#interrupt.pending;
    };
    standInHostMode(cpu);
    return cpu;
  }

  /** Turns an instruction's fault into the driver's. */
  #execute(name: string, action: HelperImplementation): Status {
    const cpu = this.#stand();
    const { state } = cpu;
    state.copy64(layout.nextRip.offset, layout.rip.offset);
    const status = callHelper(cpu, action);
    if (status === Status.fault) throw new HostFault(state.faultVector, state.faultError, name);
    if (status === Status.exit && state.leave === Leave.msr) throw new HostFault(Vector.gp, 0, name);
    return status;
  }

  cpuid(leaf: number, subleaf = 0): CpuidResult {
    const { model, state } = this.#stand();
    return guestCpuid(model, leaf, subleaf, {
      processor: this.index,
      processors: this.host.processors.length,
      cr4: state.cr4,
      xcr0: state.low(layout.xcr0.offset),
    });
  }

  rdmsrLow(index: number): number {
    const cpu = this.#stand();
    if (readMsr(cpu, index | 0) !== MsrAnswer.done) throw new HostFault(Vector.gp, 0, `rdmsr ${index.toString(16)}`);
    this.rdmsrHigh = cpu.high;
    return cpu.low;
  }
  rdmsr(index: number): bigint {
    const low = this.rdmsrLow(index);
    return join(low, this.rdmsrHigh);
  }
  wrmsr(index: number, value: bigint): void {
    this.wrmsrPair(index, lowOf(value), highOf(value));
  }
  wrmsrPair(index: number, low: number, high: number): void {
    const cpu = this.#stand();
    cpu.low = low;
    cpu.high = high;
    if (writeMsr(cpu, index | 0) !== MsrAnswer.done) throw new HostFault(Vector.gp, 0, `wrmsr ${index.toString(16)}`);
  }

  readControl(register: 0 | 2 | 3 | 4 | 8): bigint {
    const cpu = this.#stand();
    // None of these faults at CPL 0.
    storeControl(cpu, register);
    if (register !== 2) return join(cpu.low, cpu.high);
    // Read at every exit, and mostly the same as the last time.
    if (cpu.low !== this.#cr2Low || cpu.high !== this.#cr2High) {
      this.#cr2Low = cpu.low;
      this.#cr2High = cpu.high;
      this.#cr2 = join(cpu.low, cpu.high);
    }
    return this.#cr2;
  }
  #cr2Low = 0;
  #cr2High = 0;
  #cr2 = 0n;
  writeControl(register: 0 | 2 | 3 | 4 | 8, value: bigint): void {
    this.#execute('mov to cr', cpu => {
      loadControl(cpu, register, lowOf(value), highOf(value));
      return Status.done;
    });
  }
  readDebug(register: 0 | 1 | 2 | 3 | 6 | 7): bigint {
    return this.#stand().state.get(layout[`dr${register}`]);
  }
  writeDebug(register: 0 | 1 | 2 | 3 | 6 | 7, value: bigint): void {
    this.#execute('mov to dr', cpu => {
      loadDebug(cpu, layout[`dr${register}`].offset, lowOf(value), highOf(value));
      return Status.done;
    });
  }
  xgetbv(): bigint {
    return this.#stand().state.get(layout.xcr0);
  }
  xsetbv(value: bigint): void {
    this.#execute('xsetbv', cpu => {
      loadXcr0(cpu, lowOf(value), highOf(value));
      return Status.done;
    });
  }

  fxrstor(physical: number): void {
    const cpu = this.#stand();
    const { memory } = this.host;
    const at = memory.offset(physical);
    writeFpuImage(cpu.state, memory.bytes.subarray(at, at + 512));
    cpu.unitsChanged();
  }
  fxsave(physical: number): void {
    const cpu = this.#stand();
    const { memory } = this.host;
    const at = memory.offset(physical);
    readFpuImage(cpu.state, memory.bytes.subarray(at, at + 512));
  }

  loadVector(physical: number): void {
    const { state } = this.#stand();
    const { memory } = this.host;
    const at = memory.offset(physical);
    state.u8.set(memory.bytes.subarray(at, at + vectorSize), ymmHighOffset(0));
  }
  storeVector(physical: number): void {
    const { state } = this.#stand();
    const { memory } = this.host;
    memory.bytes.set(state.u8.subarray(ymmHighOffset(0), ymmHighOffset(0) + vectorSize), memory.offset(physical));
  }

  loadGeneral(physical: number, withRax: boolean): void {
    const { state } = this.#stand();
    (withRax ? this.#general.vmx : this.#general.svm).load(state.base, this.host.memory.offset(physical));
  }
  storeGeneral(physical: number, withRax: boolean): void {
    const { state } = this.#stand();
    (withRax ? this.#general.vmx : this.#general.svm).store(state.base, this.host.memory.offset(physical));
  }
  readTimestampCounter(): number {
    const cpu = this.#stand();
    readTimestamp(cpu);
    return cpu.high * 2 ** 32 + (cpu.low >>> 0);
  }

  /** The host's handler has nothing to do but that. */
  #takeInterrupt(): void {
    if (this.#interrupt.pending) this.preemptionNeeded = true;
    this.#interrupt.pending = false;
  }

  armTimer(instructions: number): void {
    const cpu = this.#stand();
    this.#interrupt.pending = false;
    this.preemptionNeeded = false;
    cpu.alarm = cpu.retired + instructions;
    cpu.onAlarm = this.#onAlarm;
  }
  get timerCount(): number {
    const { alarm, retired } = this.cpu;
    return alarm === Number.POSITIVE_INFINITY ? 0 : Math.max(0, alarm - retired);
  }
  readonly #onAlarm = (): void => {
    this.#interrupt.pending = true;
  };
  raiseInterrupt(): void {
    this.#stand();
    this.#interrupt.pending = true;
  }
  /** The local timer counts it too, so that a slice of guest time ends where it should. */
  accountInstruction(): void {
    this.host.time.skip(1);
    this.cpu.alarm--;
  }

  // Virtualization: operands as the instructions' helpers take them.

  #virtual(name: keyof typeof virtualHelpers, ...operands: (readonly [low: number, high: number])[]): Status {
    const { state } = this.#stand();
    for (let n = 0; n < operands.length; n++) {
      const operand = operands[n];
      state.set64(layout.argument0.offset + 8 * n, operand[0], operand[1]);
    }
    return this.#execute(name, helperImplementations[name]);
  }
  /** rAX is the operand. */
  #onPage(name: string, instruction: HelperImplementation, physical: number): Status {
    const { state } = this.#stand();
    state.set64(layout.argument0.offset, physical | 0, Math.floor(physical / 2 ** 32) | 0);
    return this.#execute(name, instruction);
  }

  /** After VMRUN, VMLAUNCH or VMRESUME: the guest runs until it has exited. False: there was no entry. */
  #runGuest(status: Status): boolean {
    const { cpu } = this;
    if (status !== Status.leave || cpu.state.leave !== Leave.world) return false;
    cpu.virtualization?.switchWorld();
    while (cpu.state.guest !== 0) this.#serve(cpu.run(slice));
    this.#takeInterrupt();
    return true;
  }

  /** A guest's exit that is not to the hypervisor: whatever it was let do on the bare host. */
  #serve(exit: ReturnType<Cpu['run']>): void {
    const { cpu, host } = this;
    switch (exit.reason) {
      case 'io':
        if (exit.input && !exit.string) cpu.completeInput(exit.size, 0xffff_ffff);
        else cpu.completeInstruction();
        break;
      case 'msr':
        cpu.injectFault(Vector.gp, 0);
        break;
      case 'mmio':
        throw new Error(`the hypervisor mapped physical ${exit.address.toString(16)}, which is no memory`);
      case 'halt': {
        // Nothing but the timer can end this on the bare host.
        const ahead = cpu.alarm - cpu.retired;
        if (this.#interrupt.pending) throw new Error('the guest sleeps, and no interrupt can wake it');
        if (Number.isFinite(ahead)) host.time.skip(ahead);
        cpu.alarm = Number.POSITIVE_INFINITY;
        this.#interrupt.pending = true;
        break;
      }
      case 'shutdown':
        throw new Error('the emulated host has shut down');
    }
  }

  vmrun(physical: number): void {
    const { state } = this.#stand();
    state.setGpr(Gpr.rax, 64, physical | 0, Math.floor(physical / 2 ** 32));
    this.#runGuest(this.#onPage('vmrun', vmrun, physical));
  }
  vmload(physical: number): void {
    this.#onPage('vmload', vmload, physical);
  }
  vmsave(physical: number): void {
    this.#onPage('vmsave', vmsave, physical);
  }
  stgi(): void {
    this.#execute('stgi', stgi);
    this.#takeInterrupt();
  }
  clgi(): void {
    this.#execute('clgi', clgi);
  }
  invlpga(low: number, high: number, asid: number): void {
    this.#virtual('invlpga', [low, high], [asid, 0]);
  }

  /** A page for memory operands. */
  #scratch = 0;

  #operand(...words: number[]): readonly [number, number] {
    const { memory } = this.host;
    const cpu = this.#stand();
    if (!cpu.isDerived) cpu.derive();
    this.#scratch ||= memory.allocate(1);
    const at = memory.offset(this.#scratch) / 4;
    words.forEach((word, n) => {
      memory.words[at + n] = word;
    });
    return pair(this.#scratch);
  }

  #outcome(): VmxOutcome {
    const { flags } = this.cpu.state;
    if ((flags & Flag.cf) !== 0) return VmxOutcome.failInvalid;
    return (flags & Flag.zf) !== 0 ? VmxOutcome.failValid : VmxOutcome.succeed;
  }

  #pointer(name: 'vmxon' | 'vmclear' | 'vmptrld', physical: number): VmxOutcome {
    const operand = this.#operand(...pair(physical));
    this.#virtual(name, [Segment.ds, 0], operand);
    return this.#outcome();
  }
  vmxon(physical: number): VmxOutcome {
    return this.#pointer('vmxon', physical);
  }
  vmxoff(): VmxOutcome {
    this.#virtual('vmxoff');
    return this.#outcome();
  }
  vmclear(physical: number): VmxOutcome {
    return this.#pointer('vmclear', physical);
  }
  vmptrld(physical: number): VmxOutcome {
    return this.#pointer('vmptrld', physical);
  }

  /** In VMX operation VMREAD and VMWRITE cannot fault here, and are too frequent to go the way of all instructions. */
  #operation: Operation | undefined;

  vmread(field: number): number {
    const operation = this.#operation;
    if (operation === undefined || !operation.active) {
      this.#virtual('vmread', [field, 0]);
      return 0;
    }
    this.vmreadOutcome = operation.read(field);
    this.vmreadHigh = operation.high;
    return operation.low;
  }
  vmwrite(field: number, low: number, high = 0): VmxOutcome {
    const operation = this.#operation;
    if (operation?.active) return operation.write(field, low, high);
    this.#virtual('vmwrite', [field, 0], [low, high]);
    return this.#outcome();
  }

  vmlaunch(): VmxOutcome {
    return this.#enter('vmlaunch', vmlaunch);
  }
  vmresume(): VmxOutcome {
    return this.#enter('vmresume', vmresume);
  }
  /** VMfail shows in the flags; a guest that was entered ends in an exit, which loads clear ones. */
  #enter(name: string, instruction: HelperImplementation): VmxOutcome {
    return this.#runGuest(this.#execute(name, instruction)) ? VmxOutcome.succeed : this.#outcome();
  }

  invept(type: number, eptp: bigint): VmxOutcome {
    const operand = this.#operand(lowOf(eptp), highOf(eptp), 0, 0);
    this.#virtual('invept', [type, 0], [Segment.ds, 0], operand);
    return this.#outcome();
  }
  invvpid(type: number, vpid: number, address: bigint): VmxOutcome {
    const operand = this.#operand(vpid, 0, lowOf(address), highOf(address));
    this.#virtual('invvpid', [type, 0], [Segment.ds, 0], operand);
    return this.#outcome();
  }
}

const lowOf = (value: bigint): number => Number(BigInt.asIntN(32, value));
const highOf = (value: bigint): number => Number(BigInt.asIntN(32, value >> 32n));
const join = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
const pair = (address: number): readonly [number, number] => [address | 0, Math.floor(address / 2 ** 32) | 0];
