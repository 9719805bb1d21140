import { ApicBase } from './registers.ts';
import type { LocalApicUnit } from './unit.ts';

/** IA32_APIC_BASE: the modes and the ways between them (SDM vol. 3, 12.12.5). False is a general protection fault. */
export function writeApicBase(
  unit: LocalApicUnit,
  value: bigint,
  { x2apic, physicalAddressBits }: { readonly x2apic: boolean; readonly physicalAddressBits: number },
): boolean {
  if (value < 0n || value >> BigInt(physicalAddressBits)) return false;
  const flags = Number(value & 0xfffn);
  const allowed = ApicBase.bootstrap | ApicBase.enabled | (x2apic ? ApicBase.extended : 0);
  if (flags & ~allowed) return false;
  const { enabled, extended } = unit;
  const willEnable = (flags & ApicBase.enabled) !== 0;
  const willExtend = (flags & ApicBase.extended) !== 0;
  if (willExtend && !willEnable) return false;
  if (willExtend && !enabled) return false;
  if (extended && willEnable && !willExtend) return false;

  if (enabled && !willEnable) unit.initialize();
  // Which processor is the bootstrap processor is not the guest's to say.
  const bootstrap = unit.state.base & ApicBase.bootstrap;
  unit.state.base = Number(value - (value & 0xfffn)) + (flags & ~ApicBase.bootstrap) + bootstrap;
  if (!enabled && willEnable) unit.initialize();
  unit.update();
  return true;
}
