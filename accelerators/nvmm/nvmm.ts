/** The accelerators `nvmm-svm` and `nvmm-vmx`: NVMM on an emulated AMD or Intel computer. */
import { amd, createHost, type Host, implementedFeatures, intel, MachineError } from '#core';
import type { Accelerator, AcceleratorOptions } from '../accelerator.ts';
import type { Features } from '../features.ts';
import type { VirtualMachine } from '../machine.ts';
import type { MachineSpecification } from '../specification.ts';
import { Limit } from './abi.ts';
import type { BackendConstructor } from './backend.ts';
import { NvmmDriver } from './driver/driver.ts';
import { Libnvmm } from './libnvmm/libnvmm.ts';
import { guestPhysicalBits, NvmmVirtualMachine } from './machine.ts';
import { sharedFeatures } from './shared-features.ts';
import { Svm } from './svm/svm.ts';
import { Vmx } from './vmx/vmx.ts';

/** Physical memory for the driver's own pages: page tables, control blocks, comm pages. */
const driverMemory = 32 * 2 ** 20;

/** NVMM gives no guest SVM or VMX, and hides MONITOR, RDTSCP and INVPCID; the others its emulated hosts do not have. */
const hidden: ReadonlySet<string> = new Set([
  'svm',
  'vmx',
  'monitor',
  'rdtscp',
  'invpcid',
  'rdrand',
  'rdseed',
  'pdcm',
  'clflushopt',
  'clwb',
]);

const features: Omit<Features, 'time'> = {
  processorsPerMachine: Limit.vcpus,
  machines: Limit.machines,
  guestPhysicalBits,
  unrestrictedGuest: true,
  nestedPaging: true,
  memoryAliasing: true,
  memoryUnmapping: true,
  partialUnmapping: false,
  memoryProtection: true,
  protection: true,
  dirtyPages: true,
  step: true,
  codeBreakpoints: Limit.breakpoints,
  dataBreakpoints: Limit.breakpoints,
  customCpuid: true,
  cpuFeatures: new Set([...implementedFeatures].filter(name => !hidden.has(name))),
  debugControl: false,
  completeState: true,
  nesting: false,
};

/** In the driver's order of preference. */
const backends: readonly BackendConstructor[] = [Svm, Vmx];

export class Nvmm implements Accelerator {
  readonly features: Features;
  readonly #lib: Libnvmm;
  readonly host: Host;

  constructor(
    readonly name: 'nvmm-svm' | 'nvmm-vmx',
    options: AcceleratorOptions,
  ) {
    const { processors, memory, cpu, clock, engine } = options;
    this.features = { ...features, time: clock ? 'host' : 'instructions' };
    // A guest executes instructions as its processor does, whoever made the host's.
    const model = (name === 'nvmm-svm' ? amd : intel)({
      processors,
      virtualization: true,
      dialect: cpu.dialect,
      also: sharedFeatures.filter(feature => cpu.features.has(feature)),
    });
    this.host = createHost({
      model,
      processors,
      memory: memory + driverMemory,
      ...(engine ? { engine } : {}),
      ...(clock ? { time: clock } : {}),
    });
    const driver = NvmmDriver.load(this.host, backends);
    if (!driver)
      throw new MachineError('accelerator-unavailable', `${name}: no backend recognises the CPU ${model.name}`, {
        remedy: 'use --accel software',
      });
    this.#lib = new Libnvmm(driver);
    this.#lib.init();
  }

  get time(): Host['time'] {
    return this.host.time;
  }

  createMachine(specification: MachineSpecification): VirtualMachine {
    return new NvmmVirtualMachine(this.#lib, this, specification);
  }

  [Symbol.dispose](): void {
    this.#lib.close();
    this.#lib.driver.unload();
  }
}
