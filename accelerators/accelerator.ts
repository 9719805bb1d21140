/** A platform that runs virtual machines: the entry to the contract. */
import type { CpuModel } from '#core';
import type { Features } from './features.ts';
import type { VirtualMachine } from './machine.ts';
import type { MachineSpecification } from './specification.ts';
import type { AcceleratorTime } from './time.ts';

export interface Accelerator extends Disposable {
  readonly name: string;
  readonly features: Features;
  readonly time: AcceleratorTime;
  /** Memory first: processors come with `powerOn`. Throws a MachineError where the specification asks for more than `features` allow. */
  createMachine(specification: MachineSpecification): VirtualMachine;
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
