/** What ACPI tells of a machine follows from the devices that it has. */
import { AcpiPm, IoApic, IsaSerial, PciHost, Ps2Controller, Rtc } from '#devices';
import type { AcpiOptions } from './acpi/options.ts';
import type { Profile } from './profile.ts';

const options = (profile: Profile, type: unknown): Record<string, unknown>[] =>
  Object.values(profile.devices)
    .filter(use => use.type === type)
    .map(use => use.options as Record<string, unknown>);

const irqOf = (wire: unknown): number => Number(String(wire ?? 'isa@4').split('@')[1]);

/** undefined: the profile wants no tables. */
export function describeAcpi(profile: Profile): AcpiOptions | undefined {
  if (!profile.acpi) return undefined;
  const [ioApic] = options(profile, IoApic);
  const [pm] = options(profile, AcpiPm);
  const [pci] = options(profile, PciHost);
  return {
    processors: Array.from({ length: profile.processors }, (_, id) => id),
    ...(ioApic ? { ioApic: { id: Number(ioApic.id ?? 0), base: Number(ioApic.base ?? 0xfec0_0000) } } : {}),
    ...(pm ? { powerManagement: Number(pm.port ?? 0x600) } : {}),
    ...(pci ? { pci: { window: PciHost.memoryWindow } } : {}),
    serial: options(profile, IsaSerial).map(({ port, irq }) => ({ port: Number(port ?? 0x3f8), irq: irqOf(irq) })),
    rtc: options(profile, Rtc).length > 0,
    ps2: options(profile, Ps2Controller).length > 0,
  };
}
