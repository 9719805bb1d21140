import { ComponentName, Device, device, drive, InputPin, Options, type OptionsOf, text, Wires } from '#core';

/** An ISA interrupt reaches both the PIC and the I/O APIC; IRQ 0 enters the latter on pin 2, as ACPI's override says. */
@device('isa-interrupts')
export class IsaInterrupts extends Device {
  static readonly options = {
    /** Names of the controllers; an empty one for a board that lacks it. */
    pic: text().or('pic'),
    ioapic: text().or('ioapic'),
  };

  constructor(
    @Options { pic, ioapic }: OptionsOf<typeof IsaInterrupts.options>,
    @ComponentName name: string,
    @Wires wires: Wires,
  ) {
    super();
    wires.relay(name, 16, irq => {
      const places = [pic && `${pic}@${irq}`, ioapic && `${ioapic}@${irq === 0 ? 2 : irq}`];
      const pins = places.filter(Boolean).map(place => wires.line(place));
      return new InputPin(`${name}@${irq}`, high => {
        for (const pin of pins) drive(pin, high);
      });
    });
  }

  reset(): void {}

  save() {
    return { version: 1 };
  }

  restore(): void {}

  inspect() {
    return {};
  }
}
