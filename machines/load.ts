/** What firmware leaves when it starts an operating system: its tables in memory, the boot source, and processors that are ready for it. */
import type { VirtualMachine } from '#accelerators';
import type { GuestMemory } from '#core';
import { writeAcpi } from './acpi/tables.ts';
import { describeAcpi } from './acpi-description.ts';
import { bootCpuState } from './boot-cpu-state.ts';
import { loadBootSource } from './boot-source.ts';
import type { Profile } from './profile.ts';
import { writeSmbios } from './smbios/tables.ts';

export interface LoadParts {
  readonly profile: Profile;
  readonly virtual: VirtualMachine;
  readonly memory: GuestMemory;
  /** Bytes of RAM. */
  readonly size: number;
}

export function load({ profile, virtual, memory, size }: LoadParts): void {
  const acpi = describeAcpi(profile);
  const tables = acpi && writeAcpi(memory, acpi);
  const { name: product, processors } = profile;
  const { cpu } = virtual.specification;
  const occupied = tables ? [tables, writeSmbios(memory, { product, processors, cpu, memory: size })] : [];
  if (!profile.boot) return;
  const { state } = loadBootSource(memory, profile.boot, { acpiRsdp: tables?.rsdp ?? 0, occupied });
  for (const processor of virtual.processors) processor.reset();
  const first = virtual.processors[0];
  const { controls, msrs } = first.getState('controls', 'msrs');
  first.setState(bootCpuState(state, controls, msrs));
}
