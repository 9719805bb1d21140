/** An emulated AMD or Intel computer with NVMM's driver loaded, and libnvmm as a program on it has it. */
import { ExitReason, Prot, StateFlag } from '../../../accelerators/nvmm/abi.ts';
import type { BackendConstructor } from '../../../accelerators/nvmm/backend.ts';
import { NvmmDriver } from '../../../accelerators/nvmm/driver/driver.ts';
import { Libnvmm, NvmmMachine, NvmmVcpu } from '../../../accelerators/nvmm/libnvmm/libnvmm.ts';
import { Svm } from '../../../accelerators/nvmm/svm/svm.ts';
import { Vmx } from '../../../accelerators/nvmm/vmx/vmx.ts';
import { amd, assemble, createHost, intel } from '../../../core/index.ts';

export const backends: readonly BackendConstructor[] = [Svm, Vmx];
export const vendors = ['amd', 'intel'] as const;
export type Vendor = (typeof vendors)[number];

export function driverOn(vendor: Vendor, memory = 0x200_0000): NvmmDriver {
  const model = (vendor === 'amd' ? amd : intel)({ virtualization: true });
  return NvmmDriver.load(createHost({ model, memory }), backends)!;
}

/** Counts calls into the driver by name. */
export function counted(driver: NvmmDriver): { readonly driver: NvmmDriver; readonly calls: Record<string, number> } {
  const calls: Record<string, number> = {};
  const proxy = new Proxy(driver, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      return (...parameters: unknown[]) => {
        calls[String(name)] = (calls[String(name)] ?? 0) + 1;
        return (value as (...parameters: unknown[]) => unknown).apply(target, parameters);
      };
    },
  });
  return { driver: proxy, calls };
}

export const hva = 0x1000_0000;
const size = 0x10_0000;

/** A machine with 1 MiB of RAM at 0, code at 1000H in flat 32-bit protected mode: how toyvirt starts its kernel. */
export class Toy {
  readonly lib: Libnvmm;
  readonly mach = new NvmmMachine();
  readonly vcpu = new NvmmVcpu();
  readonly memory: Uint8Array;

  constructor(
    readonly driver: NvmmDriver,
    source: string,
    readonly cpuid = 120,
  ) {
    const lib = (this.lib = new Libnvmm(driver, 4711));
    lib.init();
    const { mach, vcpu } = this;
    if (lib.machineCreate(mach) || lib.vcpuCreate(mach, cpuid, vcpu)) throw new Error(`errno ${lib.errno}`);
    if (lib.hvaMap(mach, hva, size) || lib.gpaMap(mach, hva, 0, size, Prot.read | Prot.write | Prot.execute))
      throw new Error(`errno ${lib.errno}`);
    this.memory = lib.hvaBytes(mach, hva, size)!;
    this.memory.set(assemble(32, source, { origin: 0x1000 }).bytes, 0x1000);
    lib.vcpuGetState(mach, vcpu, StateFlag.all);
    const { state } = vcpu;
    for (const index of [0, 2, 3, 4, 5])
      state.setSegment(index, { selector: 0x10, attributes: 0xc93, limit: 0xffff_ffff, base: 0n });
    state.setSegment(1, { selector: 8, attributes: 0xc9b, limit: 0xffff_ffff, base: 0n });
    state.setSegment(9, { selector: 0, attributes: 0x8b, limit: 0x67, base: 0n });
    state.setCr(0, 0x6000_0031n);
    state.setGpr(16, 0x1000n);
    state.setGpr(4, 0x8_0000n);
    lib.vcpuSetState(mach, vcpu, StateFlag.segs | StateFlag.crs | StateFlag.gprs);
  }

  /** Until an exit that is none of the host's own. */
  run(): number {
    const { lib, mach, vcpu } = this;
    do {
      vcpu.cpuid;
      this.driver.host.cpus[0].armTimer(1_000_000);
      if (lib.vcpuRun(mach, vcpu)) throw new Error(`nvmm_vcpu_run: errno ${lib.errno}`);
    } while (vcpu.exit.reason === ExitReason.none);
    return vcpu.exit.reason;
  }
}
