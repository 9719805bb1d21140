/** A VCPU and the calls on it, with what the parts of a processor know of it together. */
import type { Breakpoint } from '../breakpoint.ts';
import type { Libnvmm, NvmmMachine } from './libnvmm/libnvmm.ts';
import { NvmmVcpu } from './libnvmm/libnvmm.ts';

export class GuestVcpu {
  readonly vcpu = new NvmmVcpu();
  /** HLT has retired, and nothing has woken the guest since. */
  halted = false;
  /** An event waits in the comm page for the next entry. */
  eventWaiting = false;

  /** What the debug registers of `VcpuConf.debug` stand for, by number. */
  breakpoints: readonly Breakpoint[] = [];

  constructor(
    readonly lib: Libnvmm,
    readonly mach: NvmmMachine,
    readonly index: number,
  ) {
    lib.vcpuCreate(mach, index, this.vcpu);
  }

  configure(operation: number, configuration: Parameters<Libnvmm['vcpuConfigure']>[3]): void {
    this.lib.vcpuConfigure(this.mach, this.vcpu, operation, configuration);
  }

  /** Makes the components of the comm page current. */
  getState(flags: number): void {
    this.lib.vcpuGetState(this.mach, this.vcpu, flags);
  }

  /** What the comm page has of these components counts from the next entry on. */
  setState(flags: number): void {
    this.lib.vcpuSetState(this.mach, this.vcpu, flags);
  }

  inject(type: number, vector: number, error: number): void {
    const { event } = this.vcpu;
    event.type = type;
    event.vector = vector;
    event.error = error;
    this.lib.vcpuInject(this.mach, this.vcpu);
    this.eventWaiting = true;
  }
}
