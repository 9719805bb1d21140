import { EventEmitter } from 'eventemitter3';
import {
  type ByteStream,
  backend,
  Clock,
  ComponentName,
  device,
  GuestMemory,
  Options,
  type OptionsOf,
  PciSlots,
} from '#core';
import { slot } from '../pci/address.ts';
import { Console } from './console.ts';
import { VirtioDevice } from './virtio-device.ts';

/** A terminal: /dev/hvc0 to Linux. */
@device('virtio-console')
export class VirtioConsole extends VirtioDevice {
  static readonly options = {
    slot: slot(),
    stream: backend<ByteStream>('a byte stream', 'write', 'onInput').optional(),
  };

  readonly events = new EventEmitter<{ output: [data: Uint8Array] }>();
  readonly #console: Console;

  constructor(
    @Options { slot, stream }: OptionsOf<typeof VirtioConsole.options>,
    @ComponentName name: string,
    @PciSlots slots: PciSlots,
    @GuestMemory memory: GuestMemory,
    @Clock clock: Clock,
  ) {
    const model = new Console(data => {
      stream?.write(data);
      this.events.emit('output', data);
    });
    super({ name, slot, slots, memory, clock, model, classCode: 0x07_8000 });
    this.#console = model;
    stream?.onInput(data => this.input(data));
  }

  override reset(): void {
    super.reset();
    this.#console.forgetInput();
  }

  /** Types something. It waits until the guest makes room for it; answers how many bytes were taken, since not more than 1 MiB waits. */
  input(data: Uint8Array | string): number {
    return this.#console.input(typeof data === 'string' ? new TextEncoder().encode(data) : data);
  }
}
