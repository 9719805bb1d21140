/** What both backends keep for a VCPU. */
import type { HostComputer } from '#core';
import type { DebugConf } from '../abi.ts';
import type { ExitContext } from './context.ts';

export abstract class X86Vcpu {
  /** General registers as the entry stub loads and stores them: physical address. What lies in the control block is stale here. */
  readonly gprs: number;
  /** FXSAVE image, while the registers are not in the CPU: physical address. */
  readonly fpu: number;
  /** Upper halves of YMM registers, likewise. */
  readonly vector: number;
  /** The guest's DR0 to DR3, while they are not in the CPU. */
  readonly debug: bigint[] = [0n, 0n, 0n, 0n];
  /** The emulator's debug registers, in the place of the guest's. */
  hidden: DebugConf | undefined;
  /** The guest's DR7, while `hidden`. */
  shadowControl = 0;
  /** Index into the memory's words. */
  readonly generalWords: number;
  readonly fpuWords: number;
  readonly vectorWords: number;
  #xcr0 = 1n;
  /** Its low half, for the comm page. */
  xcr0Low = 1;

  /** Drop the guest's translations before the next entry. */
  flushGuest = true;
  /** The machine's nested-translation generation that this VCPU has seen. */
  generation = -1;

  interruptWindow = false;
  nmiWindow = false;
  eventPending = false;
  /** Of the last run, for the next one. */
  context: ExitContext | undefined;

  protected constructor(protected readonly host: HostComputer) {
    const { memory } = host;
    this.gprs = memory.allocate(1);
    this.fpu = this.gprs + 512;
    this.vector = this.gprs + 1024;
    this.generalWords = memory.offset(this.gprs) >>> 2;
    this.fpuWords = memory.offset(this.fpu) >>> 2;
    this.vectorWords = memory.offset(this.vector) >>> 2;
  }

  get xcr0(): bigint {
    return this.#xcr0;
  }
  set xcr0(value: bigint) {
    this.#xcr0 = value;
    this.xcr0Low = Number(BigInt.asIntN(32, value));
  }

  /** Index into the memory's words of rAX, rCX, rDX or rBX, after an exit. */
  abstract gprWord(index: number): number;

  destroy(): void {
    this.host.memory.free(this.gprs, 1);
  }
}
