import { Clock, ComponentName, device, Entropy, GuestMemory, Options, type OptionsOf, PciSlots } from '#core';
import { slot } from '../pci/address.ts';
import { Rng } from './rng.ts';
import { VirtioDevice } from './virtio-device.ts';

/** The board's entropy: /dev/hwrng to Linux. */
@device('virtio-rng')
export class VirtioRng extends VirtioDevice {
  static readonly options = { slot: slot() };

  constructor(
    @Options { slot }: OptionsOf<typeof VirtioRng.options>,
    @ComponentName name: string,
    @PciSlots slots: PciSlots,
    @GuestMemory memory: GuestMemory,
    @Clock clock: Clock,
    @Entropy entropy: Entropy,
  ) {
    super({ name, slot, slots, memory, clock, model: new Rng(entropy), classCode: 0x00_ff00 });
  }
}
