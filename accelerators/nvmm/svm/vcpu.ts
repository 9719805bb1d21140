/** What the SVM backend keeps for a VCPU (struct svm_cpudata). */
import type { HostComputer, HostCpu } from '#core';
import type { DriverVcpu } from '../driver/machine.ts';
import { Vector } from '../x86/exception.ts';
import { injectException } from './event.ts';
import type { ExitContext } from './exits.ts';
import { Clean, Field, Vmcb } from './vmcb.ts';

const resumeFlag = 0x1_0000;

export class SvmVcpu {
  readonly vmcb: Vmcb;
  /** General registers but rAX and rSP, as the entry stub loads and stores them: physical address. */
  readonly gprs: number;
  /** FXSAVE image, while the registers are not in the CPU: physical address. */
  readonly fpu: number;
  readonly iopm: number;
  readonly msrpm: number;
  readonly debug: bigint[] = [0n, 0n, 0n, 0n];
  #xcr0 = 1n;
  /** Its low half, for the comm page. */
  xcr0Low = 1;
  /** Index into the memory's words. */
  readonly #gprWords: number;

  /** Drop the guest's translations before the next entry. */
  flushGuest = true;
  /** The machine's nested-translation generation that this VCPU has seen. */
  generation = -1;

  interruptWindow = false;
  nmiWindow = false;
  /** IRET is being stepped over: NMIs are open after it, not before. */
  nmiStep: 'none' | 'stepping' | 'steppingForGuest' = 'none';
  eventPending = false;
  /** Of the last run, for the next one. */
  context: ExitContext | undefined;

  constructor(
    private readonly host: HostComputer,
    readonly asid: number,
  ) {
    const { memory } = host;
    this.vmcb = new Vmcb(memory, memory.allocate(1));
    this.gprs = memory.allocate(1);
    this.fpu = this.gprs + 512;
    this.#gprWords = memory.offset(this.gprs) >>> 2;
    this.iopm = memory.allocate(3);
    this.msrpm = memory.allocate(2);
  }

  get xcr0(): bigint {
    return this.#xcr0;
  }
  set xcr0(value: bigint) {
    this.#xcr0 = value;
    this.xcr0Low = Number(BigInt.asIntN(32, value));
  }

  /** Index into the memory's words of general register `index`. */
  gprWord(index: number): number {
    return this.#gprWords + index * 2;
  }

  destroy(): void {
    const { memory } = this.host;
    memory.free(this.vmcb.physical, 1);
    memory.free(this.gprs, 1);
    memory.free(this.iopm, 3);
    memory.free(this.msrpm, 2);
  }
}

export type SvmDriverVcpu = DriverVcpu<SvmVcpu>;

/** The guest's time-stamp counter reads as given, now. */
export function setTimestampCounter(cpu: HostCpu, { vmcb }: SvmVcpu, low: number, high: number): void {
  const now = cpu.readTimestampCounter();
  const difference = (low >>> 0) - (now % 2 ** 32);
  vmcb.set(Field.tscOffset, difference | 0, (high - Math.floor(now / 2 ** 32) - (difference < 0 ? 1 : 0)) | 0);
  vmcb.dirty(Clean.intercepts);
}

const trapFlag = 0x100;
const singleStep = 0x4000;

/** The instruction is done: next RIP, no shadow, RF clear, a single-step trap where the guest wants one; its time goes on by it. */
export function advance(cpu: HostCpu, vcpu: SvmVcpu): void {
  const { vmcb } = vcpu;
  vmcb.set(Field.rip, vmcb.low(Field.nextRip), vmcb.high(Field.nextRip));
  vmcb.setLow(Field.rflags, vmcb.low(Field.rflags) & ~resumeFlag);
  vmcb.setLow(Field.interruptShadow, vmcb.low(Field.interruptShadow) & ~1);
  cpu.accountInstruction();
  if (!(vmcb.low(Field.rflags) & trapFlag)) return;
  vmcb.setLow(Field.dr6, vmcb.low(Field.dr6) | singleStep);
  vmcb.dirty(Clean.debug);
  injectException(vcpu, Vector.db, 0);
}
