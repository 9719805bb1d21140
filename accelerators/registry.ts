/** The accelerators that come with virt64. Plugins add theirs by name. */
import type { AcceleratorFactory } from './accelerator.ts';
import { Nvmm } from './nvmm/nvmm.ts';
import { Software } from './software/software.ts';

export const accelerators: readonly AcceleratorFactory[] = [
  {
    name: 'nvmm-svm',
    description: 'NVMM on an emulated AMD computer: VMCB, nested page tables, VMRUN',
    create: options => new Nvmm('nvmm-svm', options),
  },
  {
    name: 'nvmm-vmx',
    description: 'NVMM on an emulated Intel computer: VMCS, extended page tables, VMLAUNCH',
    create: options => new Nvmm('nvmm-vmx', options),
  },
  {
    name: 'software',
    description: 'the emulated processor itself, without a hypervisor',
    create: options => new Software(options),
  },
];
