/**
 * The counterpart of NVMM's demo machine: a console at one port, a local APIC, a way out, and a kernel of our own, which tries what a
 * virtual machine is made of. Needs nothing from outside.
 */
import { DebugConsole, DebugExit, LocalApic } from '#devices';
import { profile, use } from '../profile.ts';
import { toyKernel } from '../toyvirt/kernel.ts';

export const toyvirt = profile('toyvirt', {
  description: "NVMM's demo: a toy kernel that exercises ports, MMIO, CPUID, MSRs, exceptions, an interrupt and paging",
  memory: '4 MiB',
  processors: 1,
  cpu: 'amd',
  clock: 'virtual',
  console: 'console',
  acpi: false,
  tripleFault: 'end',
  boot: toyKernel,
  devices: {
    lapic: use(LocalApic, {}),
    console: use(DebugConsole, { port: 123 }),
    exit: use(DebugExit, { port: 0xf4, code: 'plain' }),
  },
  absent: {},
});
