import { Device, device, list, Options, type OptionsOf, port, wire } from '#core';

/** Host bridge. */
@device('pci-host')
export class PciHost extends Device {
  static readonly options = {
    port: port().or(0xcf8),
    irqs: list(wire()).or(['ioapic@16', 'ioapic@17', 'ioapic@18', 'ioapic@19']),
  };

  static readonly memoryWindow = { base: 0xc000_0000, size: 0x3ec0_0000 };

  constructor(@Options _given: OptionsOf<typeof PciHost.options>) {
    super();
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
