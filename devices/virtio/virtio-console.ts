import { type ByteStream, backend, Device, device, Options, type OptionsOf } from '#core';
import { slot } from '../pci/address.ts';

@device('virtio-console')
export class VirtioConsole extends Device {
  static readonly options = {
    slot: slot(),
    stream: backend<ByteStream>('a byte stream', 'write', 'onInput').optional(),
  };

  constructor(@Options _given: OptionsOf<typeof VirtioConsole.options>) {
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
