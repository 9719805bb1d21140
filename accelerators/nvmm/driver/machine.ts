/** The driver's machines and VCPUs (nvmm_internal.h). `data` is the backend's own. */
import type { HostCpu, HostMemory } from '#core';
import { Comm, type CpuidConf, X64State } from '../abi.ts';
import type { Vmspace } from './vmspace.ts';

/** One open file description of /dev/nvmm: machines belong to it and end with it. */
export interface Owner {
  readonly pid: number;
  /** May operate on everyone's machines (opened write-only, by nvmmctl). */
  readonly root: boolean;
}

export interface MachineInfo {
  readonly vcpus: number;
  readonly ram: number;
  readonly pid: number;
  readonly time: number;
}

export interface DriverMachine<Data = unknown> {
  readonly id: number;
  readonly owner: Owner;
  /** Seconds since the epoch, for nvmmctl. */
  readonly created: number;
  readonly vmspace: Vmspace;
  readonly vcpus: Map<number, DriverVcpu>;
  data: Data;
}

export interface DriverVcpu<Data = unknown> {
  readonly cpuid: number;
  /** The CPU that it runs on. */
  readonly cpu: HostCpu;
  readonly comm: CommPage;
  readonly cpuidOverrides: Map<number, CpuidConf>;
  /** Leaves without an override exit. */
  everyCpuid: boolean;
  exitOnTimestamp: boolean;
  data: Data;
}

/** One VCPU's comm page, as both halves see it: plain memory of the host. */
export class CommPage {
  /** Indices into `words`. */
  readonly word: number;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly #stateWord: number;

  /** A comm page in its own memory. A destroyed VCPU gets it, so that a late access reads zeros (in C it would fault). */
  static detached(): CommPage {
    const words = new Int32Array(1024);
    return new CommPage({ words, offset: () => 0 }, 0);
  }

  constructor(
    memory: Pick<HostMemory, 'words' | 'offset'>,
    readonly physical: number,
  ) {
    this.word = memory.offset(physical) >>> 2;
    this.#stateWord = this.word + Comm.state / 4;
    this.words = memory.words;
    this.bytes = new Uint8Array(memory.words.buffer, memory.offset(physical), 4096);
  }

  get wanted(): number {
    return this.words[this.word + Comm.stateWanted / 4];
  }
  set wanted(flags: number) {
    this.words[this.word + Comm.stateWanted / 4] = flags;
  }
  get cached(): number {
    return this.words[this.word + Comm.stateCached / 4];
  }
  set cached(flags: number) {
    this.words[this.word + Comm.stateCached / 4] = flags;
  }
  get commit(): number {
    return this.words[this.word + Comm.stateCommit / 4];
  }
  set commit(flags: number) {
    this.words[this.word + Comm.stateCommit / 4] = flags;
  }
  get eventCommit(): boolean {
    return this.words[this.word + Comm.eventCommit / 4] !== 0;
  }
  set eventCommit(waiting: boolean) {
    this.words[this.word + Comm.eventCommit / 4] = waiting ? 1 : 0;
  }
  get eventType(): number {
    return this.words[this.word + Comm.eventType / 4];
  }
  set eventType(type: number) {
    this.words[this.word + Comm.eventType / 4] = type;
  }
  get eventVector(): number {
    return this.bytes[Comm.eventVector];
  }
  set eventVector(vector: number) {
    this.bytes[Comm.eventVector] = vector;
  }
  get eventError(): number {
    return this.words[this.word + Comm.eventError / 4];
  }
  set eventError(error: number) {
    this.words[this.word + Comm.eventError / 4] = error;
    this.words[this.word + Comm.eventError / 4 + 1] = 0;
  }
  get stop(): boolean {
    return this.words[this.word + Comm.stop / 4] !== 0;
  }
  set stop(wanted: boolean) {
    this.words[this.word + Comm.stop / 4] = wanted ? 1 : 0;
  }

  /** Index into `words` of a byte offset within the state. */
  stateWord(offset: number): number {
    return this.#stateWord + (offset >> 2);
  }
  low(offset: number): number {
    return this.words[this.stateWord(offset)];
  }
  high(offset: number): number {
    return this.words[this.stateWord(offset) + 1];
  }
  set(offset: number, low: number, high: number): void {
    const word = this.stateWord(offset);
    this.words[word] = low;
    this.words[word + 1] = high;
  }
  read(offset: number): bigint {
    return (BigInt(this.high(offset) >>> 0) << 32n) | BigInt(this.low(offset) >>> 0);
  }
  write(offset: number, value: bigint): void {
    this.set(offset, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  }
  /** Offset of the FXSAVE image in `bytes`. */
  readonly fpuOffset = Comm.state + X64State.fpu;
  /** Index into `words` of the upper halves of YMM registers. */
  get vectorWord(): number {
    return this.word + Comm.vector / 4;
  }
  /** Physical address of the FXSAVE image, 16-byte aligned. */
  get fpu(): number {
    return this.physical + Comm.state + X64State.fpu;
  }
  /** Physical address of the 64-bit registers. */
  get gprs(): number {
    return this.physical + Comm.state + X64State.gprs;
  }
}
