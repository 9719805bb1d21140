import { type BlockBackend, backend, boolean, Device, device, Options, type OptionsOf, text } from '#core';
import { slot } from '../pci/address.ts';

@device('virtio-block')
export class VirtioBlock extends Device {
  static readonly options = {
    slot: slot(),
    disk: backend<BlockBackend>('a disk', 'read', 'write', 'flush'),
    readOnly: boolean().or(false),
    serial: text().or(''),
  };

  constructor(@Options _given: OptionsOf<typeof VirtioBlock.options>) {
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
