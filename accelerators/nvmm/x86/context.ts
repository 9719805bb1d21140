/** An exit under way: what its handler looks at, and how it answers. Made once for each VCPU, so that exits allocate nothing. */
import type { HostComputer, HostCpu } from '#core';
import type { VcpuExit } from '../abi.ts';
import type { DriverMachine, DriverVcpu } from '../driver/machine.ts';
import type { Registers } from './cpuid.ts';
import type { X86Vcpu } from './vcpu.ts';

export abstract class ExitContext<Data extends X86Vcpu = X86Vcpu> {
  readonly cpu: HostCpu;
  readonly data: Data;
  readonly words: Int32Array;
  /** Set by a handler: the host has something to do (an interrupt came), leave the inner loop. */
  preempted = false;

  constructor(
    readonly host: HostComputer,
    readonly machine: DriverMachine,
    readonly vcpu: DriverVcpu<Data>,
    readonly exit: VcpuExit,
    readonly xcr0Mask: bigint,
  ) {
    this.cpu = vcpu.cpu;
    this.data = vcpu.data;
    this.words = host.memory.words;
  }

  /** The instruction is done: next RIP, RF and shadow clear, a single-step trap where the guest wants one; its time goes on by it. */
  abstract advance(): void;
  /** The instruction is the emulator's: `npc` says where it ends. */
  abstract nextInstruction(reason: number): void;
  /** The instruction gets an exception instead. */
  abstract inject(vector: number, error: number): void;
  abstract closeInterruptWindow(): void;
  abstract guestCpuid(leaf: number, subleaf: number): Registers;
  /** Any general register's halves, with rSP; writing sets both. */
  abstract registerLow(index: number): number;
  abstract registerHigh(index: number): number;
  abstract setRegister(index: number, low: number, high: number): void;
  /** The guest's DR6. */
  abstract get debugStatus(): number;
  abstract set debugStatus(conditions: number);
  /** The guest gets the #DB that was intercepted; DR6 has been written. */
  abstract reflectDebug(): void;
  /** In 64-bit mode. */
  abstract get is64(): boolean;
  abstract get flags(): number;
  abstract get privilege(): number;

  /** Low halves of rAX, rCX, rDX, rBX. */
  general(index: number): number {
    return this.words[this.data.gprWord(index)];
  }
  /** `high` is 0 for any 32-bit result. */
  setGeneral(index: number, low: number, high = 0): void {
    const word = this.data.gprWord(index);
    this.words[word] = low;
    this.words[word + 1] = high;
  }
}

export type Handler<Context extends ExitContext = ExitContext> = (context: Context) => void;
