import { EventEmitter } from 'eventemitter3';
import { type ByteStream, backend, ComponentName, Device, device, Options, type OptionsOf, Ports, port } from '#core';

/** Bochs' debug console: a byte written is a byte printed. Guests read the port back to see if it is there. */
@device('debug-console')
export class DebugConsole extends Device {
  static readonly options = {
    port: port().or(0xe9),
    stream: backend<ByteStream>('a byte stream', 'write', 'onInput').optional(),
  };

  static readonly presence = 0xe9;

  readonly events = new EventEmitter<{ output: [byte: number] }>();

  constructor(
    @Options { port, stream }: OptionsOf<typeof DebugConsole.options>,
    @ComponentName name: string,
    @Ports ports: Ports,
  ) {
    super();
    ports.claim(port, {
      name,
      read8: () => DebugConsole.presence,
      write8: (_port, byte) => {
        stream?.write(byte);
        this.events.emit('output', byte);
      },
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
