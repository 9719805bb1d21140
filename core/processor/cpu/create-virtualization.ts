import type { Cpu } from './cpu.ts';
import { Svm } from './svm/svm.ts';
import type { Virtualization } from './virtualization.ts';
import { Vmx } from './vmx/vmx.ts';

/** SVM or VMX, as the CPU's model says. `linear`: the memory in which the CPU's block and physical memory lie. */
export function createVirtualization(cpu: Cpu, linear: WebAssembly.Memory): Virtualization | undefined {
  const { features } = cpu.model;
  if (features.has('svm')) return new Svm(cpu, linear);
  return features.has('vmx') ? new Vmx(cpu, linear) : undefined;
}
