import { Device, device, Options, type OptionsOf } from '#core';
import { slot } from '../pci/address.ts';

@device('virtio-rng')
export class VirtioRng extends Device {
  static readonly options = { slot: slot() };

  constructor(@Options _given: OptionsOf<typeof VirtioRng.options>) {
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
