/** What ACPI tells of a machine follows from the devices that it has. */
import { type DeviceClass, type OptionSchema, type OptionsOf, parseOptions } from '#core';
import { AcpiPm, Hpet, IoApic, IsaSerial, PciHost, Ps2Controller, Rtc } from '#devices';
import type { AcpiOptions, AcpiPs2 } from './acpi/options.ts';
import type { Profile } from './profile.ts';

/** The options, defaults filled in, of all devices of a class. */
const optionsOf = <S extends OptionSchema>({ devices }: Profile, type: DeviceClass<S>): OptionsOf<S>[] =>
  Object.entries(devices)
    .filter(([, use]) => (use.type as unknown) === type)
    .map(([name, use]) => parseOptions(type.options, use.options, `devices.${name}`));

/** The pin of a wire, which is a global interrupt too. */
const irqOf = (wire: string): number => Number(wire.split('@')[1]);

/** undefined: the profile wants no tables. */
export function describeAcpi(profile: Profile): AcpiOptions | undefined {
  if (!profile.acpi) return undefined;
  const [ioApic] = optionsOf(profile, IoApic);
  const [pm] = optionsOf(profile, AcpiPm);
  const [pci] = optionsOf(profile, PciHost);
  const [hpet] = optionsOf(profile, Hpet);
  const [rtc] = optionsOf(profile, Rtc);
  const [ps2] = optionsOf(profile, Ps2Controller);
  return {
    processors: Array.from({ length: profile.processors }, (_, id) => id),
    ...(ioApic ? { ioApic } : {}),
    ...(pm ? { powerManagement: { ...pm, sci: irqOf(pm.irq) } } : {}),
    ...(pci ? { pci: describePci(pci) } : {}),
    serial: optionsOf(profile, IsaSerial).map(({ port, irq }) => ({ port, irq: irqOf(irq) })),
    ...(rtc ? { rtc: { port: rtc.port, irq: irqOf(rtc.irq) } } : {}),
    ...(hpet ? { hpet: { base: hpet.base, capabilities: Hpet.capabilities, minimumPeriod: Hpet.minimumPeriod } } : {}),
    ...(ps2 ? { ps2: describePs2(ps2) } : {}),
  };
}

const describePci = ({ irqs, legacyIrqs }: OptionsOf<typeof PciHost.options>) => ({
  window: PciHost.memoryWindow,
  interrupts: irqs.map(irqOf),
  ...(legacyIrqs.length > 0 ? { legacyInterrupts: legacyIrqs.map(irqOf) } : {}),
});

const describePs2 = (ps2: OptionsOf<typeof Ps2Controller.options>): AcpiPs2 => ({
  data: ps2.dataPort,
  command: ps2.commandPort,
  keyboardIrq: irqOf(ps2.keyboardIrq),
  mouseIrq: irqOf(ps2.auxiliaryIrq),
});
