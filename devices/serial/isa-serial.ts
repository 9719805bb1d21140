import { EventEmitter } from 'eventemitter3';
import {
  type ByteStream,
  backend,
  Clock,
  ComponentName,
  Device,
  device,
  drive,
  Options,
  type OptionsOf,
  Ports,
  port,
  type SavedState,
  Wires,
  wire,
} from '#core';
import { Uart16550 } from './uart-16550.ts';

/** A serial port of a PC: a 16550 on eight ports and an ISA interrupt. */
@device('isa-serial')
export class IsaSerial extends Device {
  static readonly options = {
    port: port().or(0x3f8),
    irq: wire().or('isa@4'),
    stream: backend<ByteStream>('a byte stream', 'write', 'onInput').optional(),
  };

  readonly events = new EventEmitter<{ output: [byte: number] }>();
  readonly #chip: Uart16550;

  constructor(
    @Options given: OptionsOf<typeof IsaSerial.options>,
    @ComponentName name: string,
    @Ports ports: Ports,
    @Wires wires: Wires,
    @Clock clock: Clock,
  ) {
    super();
    const line = wires.line(given.irq);
    this.#chip = new Uart16550({
      clock,
      transmit: byte => {
        given.stream?.write(byte);
        this.events.emit('output', byte);
      },
      interrupt: asserted => drive(line, asserted),
    });
    given.stream?.onInput(data => this.input(data), this.#chip);
    ports.claim(
      { base: given.port, length: 8 },
      {
        name,
        read8: port => this.#chip.read(port - given.port),
        write8: (port, value) => this.#chip.write(port - given.port, value),
      },
    );
  }

  /** Types something. It waits until the guest has read what came before. */
  input(data: Uint8Array | string): void {
    this.#chip.receive(typeof data === 'string' ? new TextEncoder().encode(data) : data);
  }

  sendBreak(): void {
    this.#chip.receiveBreak();
  }

  reset(): void {
    this.#chip.reset();
  }

  save(): SavedState {
    return { version: 2, ...this.#chip.save() };
  }

  restore(state: SavedState): void {
    this.#chip.restore(state);
  }

  inspect() {
    return this.#chip.inspect();
  }
}
