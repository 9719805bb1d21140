import {
  A20Gate,
  byteRange,
  ComponentName,
  Device,
  device,
  Options,
  type OptionsOf,
  Ports,
  Power,
  type PowerControl,
  port,
  requireRanges,
  restoreState,
  type SavedState,
} from '#core';

/** System control port A of the PS/2, 0x92: fast A20 and fast reset. */
@device('system-port')
export class SystemPort extends Device {
  static readonly options = { port: port().or(0x92) };

  #state = { value: 0 };

  constructor(
    @Options given: OptionsOf<typeof SystemPort.options>,
    @ComponentName name: string,
    @Ports ports: Ports,
    @A20Gate private readonly a20: A20Gate,
    @Power private readonly power: PowerControl,
  ) {
    super();
    ports.claim(given.port, {
      name,
      read8: () => this.#state.value | (a20.enabled ? 2 : 0),
      write8: (_port, value) => this.#write(value),
    });
  }

  reset(): void {
    this.#state.value = 0;
    this.a20.enabled = true;
  }

  save(): SavedState {
    return { version: 1, ...this.#state, a20: this.a20.enabled };
  }

  restore(state: SavedState): void {
    const { value, a20 } = requireRanges(restoreState({ value: 0, a20: true }, state, 1), { value: byteRange });
    this.#state = { value };
    this.a20.enabled = a20;
  }

  inspect() {
    return { ...this.#state, a20: this.a20.enabled };
  }

  #write(value: number): void {
    const resets = (value & ~this.#state.value & 1) !== 0;
    this.#state.value = value & ~2;
    this.a20.enabled = (value & 2) !== 0;
    if (resets) this.power.reset();
  }
}
