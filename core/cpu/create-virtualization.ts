import type { Cpu } from './cpu.ts';
import { Svm } from './svm/svm.ts';
import type { Virtualization } from './virtualization.ts';
import { Vmx } from './vmx/vmx.ts';

/** SVM or VMX, as the CPU's model says. */
export function createVirtualization(cpu: Cpu): Virtualization | undefined {
  const { features } = cpu.model;
  if (features.has('svm')) return new Svm(cpu);
  return features.has('vmx') ? new Vmx(cpu) : undefined;
}
