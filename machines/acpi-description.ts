/** What ACPI tells of a machine follows from the devices that it has. */
import { type DeviceClass, MachineError, type OptionSchema, type OptionsOf, parseOptions } from '#core';
import { AcpiPm, Hpet, IoApic, IsaSerial, PciHost, Ps2Controller, Rtc } from '#devices';
import type { AcpiIoApic, AcpiOptions, AcpiPs2 } from './acpi/options.ts';
import type { Profile } from './profile.ts';

/** The options, defaults filled in, of all devices of a class, by name. */
const named = <S extends OptionSchema>({ devices }: Profile, type: DeviceClass<S>): [string, OptionsOf<S>][] =>
  Object.entries(devices)
    .filter(([, use]) => (use.type as unknown) === type)
    .map(([name, use]) => [name, parseOptions(type.options, use.options, `devices.${name}`)]);

const optionsOf = <S extends OptionSchema>(profile: Profile, type: DeviceClass<S>): OptionsOf<S>[] =>
  named(profile, type).map(([, options]) => options);

/** The global interrupt of a wire. */
type Interrupts = (wire: string) => number;

/** undefined: the profile wants no tables. */
export function describeAcpi(profile: Profile): AcpiOptions | undefined {
  if (!profile.acpi) return undefined;
  const ioApics = describeIoApics(profile);
  const irqOf: Interrupts = wire => {
    const [controller, pin] = wire.split('@');
    return (ioApics.get(controller!)?.firstInterrupt ?? 0) + Number(pin);
  };
  const [pm] = optionsOf(profile, AcpiPm);
  const [pci] = optionsOf(profile, PciHost);
  const [hpet] = optionsOf(profile, Hpet);
  const [rtc] = optionsOf(profile, Rtc);
  const [ps2] = optionsOf(profile, Ps2Controller);
  return {
    processors: Array.from({ length: profile.processors }, (_, id) => id),
    ioApics: [...ioApics.values()],
    ...(pm ? { powerManagement: { ...pm, sci: irqOf(pm.irq) } } : {}),
    ...(pci ? { pci: describePci(pci, irqOf) } : {}),
    serial: optionsOf(profile, IsaSerial).map(({ port, irq }) => ({ port, irq: irqOf(irq) })),
    ...(rtc ? { rtc: { port: rtc.port, irq: irqOf(rtc.irq) } } : {}),
    ...(hpet
      ? { hpet: { base: hpet.base, capabilities: Hpet.capabilities(hpet), minimumPeriod: Hpet.minimumPeriod } }
      : {}),
    ...(ps2 ? { ps2: describePs2(ps2, irqOf) } : {}),
  };
}

/** The pins of all I/O APICs are numbered through, in the order of the profile: the first has the ISA interrupts. */
function describeIoApics(profile: Profile): ReadonlyMap<string, AcpiIoApic> {
  const described = new Map<string, AcpiIoApic>();
  let firstInterrupt = 0;
  for (const [name, { id, base, pins }] of named(profile, IoApic)) {
    if ([...described.values()].some(other => other.id === id))
      throw new MachineError('bad-profile', `another I/O APIC has the id ${id} already`, {
        path: `devices.${name}.id`,
        remedy: 'give each an id of its own',
      });
    described.set(name, { id, base, firstInterrupt });
    firstInterrupt += pins;
  }
  return described;
}

const describePci = ({ irqs, legacyIrqs }: OptionsOf<typeof PciHost.options>, irqOf: Interrupts) => ({
  window: PciHost.memoryWindow,
  interrupts: irqs.map(irqOf),
  ...(legacyIrqs.length > 0 ? { legacyInterrupts: legacyIrqs.map(irqOf) } : {}),
});

const describePs2 = (ps2: OptionsOf<typeof Ps2Controller.options>, irqOf: Interrupts): AcpiPs2 => ({
  data: ps2.dataPort,
  command: ps2.commandPort,
  keyboardIrq: irqOf(ps2.keyboardIrq),
  mouseIrq: irqOf(ps2.auxiliaryIrq),
});
