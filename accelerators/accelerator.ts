/** A platform that runs virtual machines: the entry to the contract. */
import type { CpuModel } from '#core';
import type { Features } from './features.ts';
import type { MachineSpecification, VirtualMachine } from './machine.ts';

export interface Accelerator extends Disposable {
  readonly name: string;
  readonly features: Features;
  readonly time: AcceleratorTime;
  /** Memory first: processors come with `powerOn`. Throws a MachineError where the specification asks for more than `features` allow. */
  createMachine(specification: MachineSpecification): VirtualMachine;
}

/** The computer's own time, which guests see as their TSC: nanoseconds since power-on. */
export interface AcceleratorTime {
  /** A machine that is restored sets it. */
  ticks: number;
  /** Passes idle time, where time is what has been executed. */
  skip(ticks: number): void;
  /**
   * Time stands still until `release` was called as often: processors that are reset, saved or restored meanwhile have equal counters, and a
   * device that reads the clock twice reads one moment. Without effect where time is what has been executed.
   */
  hold(): void;
  release(): void;
}

/** What an accelerator may need of the computer it is created on. */
export interface AcceleratorOptions {
  /** Bytes of guest memory that will be allocated in all. */
  readonly memory: number;
  readonly processors: number;
  /** The guest's processor: `software` emulates just that. */
  readonly cpu: CpuModel;
  /** Real time in nanoseconds, for a machine that runs on the host's clock. Without it time is what has been executed. */
  readonly clock?: () => number;
  /** How the emulated CPU runs code. Default: interpreter. */
  readonly engine?: 'interpreter' | 'jit';
}

/** How an accelerator is known by name: `await build(profile, { accelerator: 'nvmm-svm' })`. */
export interface AcceleratorFactory {
  readonly name: string;
  readonly description: string;
  create(options: AcceleratorOptions): Accelerator;
}
