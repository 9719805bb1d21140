import type { Cpu } from './cpu.ts';
import type { Virtualization } from './virtualization.ts';

/** SVM or VMX, as the CPU's model says. */
export function createVirtualization(_cpu: Cpu): Virtualization | undefined {
  return undefined;
}
