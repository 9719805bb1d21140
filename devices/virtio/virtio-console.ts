import { EventEmitter } from 'eventemitter3';
import {
  type ByteStream,
  backend,
  Clock,
  ComponentName,
  device,
  GuestMemory,
  integer,
  Options,
  type OptionsOf,
  PciSlots,
} from '#core';
import { slot } from '../pci/address.ts';
import { Console, type TerminalSize } from './console.ts';
import { VirtioDevice } from './virtio-device.ts';

/** A terminal: /dev/hvc0 to Linux. */
@device('virtio-console')
export class VirtioConsole extends VirtioDevice {
  static readonly options = {
    slot: slot(),
    stream: backend<ByteStream>('a byte stream', 'write', 'onInput').optional(),
    /** Size of the terminal behind it, if it has one: both or neither. */
    columns: integer(1, 0xffff).optional(),
    rows: integer(1, 0xffff).optional(),
  };

  readonly events = new EventEmitter<{ output: [data: Uint8Array] }>();
  readonly #console: Console;

  constructor(
    @Options { slot, stream, columns, rows }: OptionsOf<typeof VirtioConsole.options>,
    @ComponentName name: string,
    @PciSlots slots: PciSlots,
    @GuestMemory memory: GuestMemory,
    @Clock clock: Clock,
  ) {
    const terminal = columns === undefined || rows === undefined ? undefined : { columns, rows };
    const model = new Console(data => {
      stream?.write(data);
      this.events.emit('output', data);
    }, terminal);
    super({ name, slot, slots, memory, clock, model, classCode: 0x07_8000 });
    this.#console = model;
    stream?.onInput(data => this.input(data));
  }

  override reset(): void {
    super.reset();
    this.#console.forgetInput();
  }

  /** For one that was built with a size. */
  resize(terminal: TerminalSize): void {
    this.#console.resize(terminal);
  }

  /** Types something. It waits until the guest makes room for it; answers how many bytes were taken, since not more than 1 MiB waits. */
  input(data: Uint8Array | string): number {
    return this.#console.input(typeof data === 'string' ? new TextEncoder().encode(data) : data);
  }
}
