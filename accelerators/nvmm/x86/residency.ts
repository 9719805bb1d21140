/**
 * State that a world switch leaves in the CPU stays there, from exit to exit, until another VCPU runs on that CPU or somebody sets it: one
 * of these for each kind of state that is loaded and saved together.
 */
import type { DriverVcpu } from '../driver/machine.ts';

export class Residency<Data> {
  /** By number of the CPU: whose state it holds. */
  readonly #holders: (DriverVcpu<Data> | undefined)[] = [];

  constructor(
    private readonly load: (vcpu: DriverVcpu<Data>) => void,
    private readonly save: (vcpu: DriverVcpu<Data>) => void,
  ) {}

  holds(vcpu: DriverVcpu<Data>): boolean {
    return this.#holders[vcpu.cpu.index] === vcpu;
  }

  /** Before an entry. */
  bring(vcpu: DriverVcpu<Data>): void {
    const { index } = vcpu.cpu;
    const other = this.#holders[index];
    if (other === vcpu) return;
    if (other) this.save(other);
    this.load(vcpu);
    this.#holders[index] = vcpu;
  }

  /** Memory has what the CPU has. */
  refresh(vcpu: DriverVcpu<Data>): void {
    if (this.holds(vcpu)) this.save(vcpu);
  }

  /** Memory has it, and may be written: the CPU will load it again. */
  evict(vcpu: DriverVcpu<Data>): void {
    this.refresh(vcpu);
    this.forget(vcpu);
  }

  /** The VCPU is gone, or its state in the CPU is of no more use. */
  forget(vcpu: DriverVcpu<Data>): void {
    if (this.holds(vcpu)) this.#holders[vcpu.cpu.index] = undefined;
  }
}
