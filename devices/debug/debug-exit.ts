import {
  ComponentName,
  choice,
  Device,
  device,
  Options,
  type OptionsOf,
  Ports,
  Power,
  type PowerControl,
  port,
} from '#core';

/** QEMU's isa-debug-exit: a value written ends the run with the exit code `value * 2 + 1`; with `code: 'plain'`, with the value. */
@device('debug-exit')
export class DebugExit extends Device {
  static readonly options = { port: port().or(0xf4), code: choice('qemu', 'plain').or('qemu') };

  constructor(
    @Options { port, code }: OptionsOf<typeof DebugExit.options>,
    @ComponentName name: string,
    @Ports ports: Ports,
    @Power power: PowerControl,
  ) {
    super();
    ports.claim(
      { base: port, length: 4 },
      {
        name,
        read: () => 0,
        write: (_port, _size, value) => power.exit(code === 'plain' ? value : ((value << 1) | 1) >>> 0),
      },
    );
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
