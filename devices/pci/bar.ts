import type { Claim, MmioHandler, PciConnection, PortSize } from '#core';
import type { ConfigurationSpace } from './configuration.ts';
import { BarType, Command, Register } from './registers.ts';

/** Registers behind a port BAR; offsets count from its base. */
export interface BarPorts {
  read(offset: number, size: PortSize): number;
  write(offset: number, size: PortSize, value: number): void;
}

/** A window that a function offers; `size` is a power of two. A 64-bit one takes two registers. */
export type BarForm = { readonly index: number; readonly size: number } & (
  | { readonly kind: 'memory' | 'memory64'; readonly handler: MmioHandler }
  | { readonly kind: 'ports'; readonly handler: BarPorts }
);

/** Guest-physical addresses end here (52 bits). */
const addressLimit = 2 ** 52;

/** One base address register (PCI 3.0, 6.2.5.1). Sizing needs no code: the bits below the size cannot be written. */
export class Bar {
  readonly #register: number;
  #claim: Claim | undefined;

  constructor(
    readonly form: BarForm,
    private readonly configuration: ConfigurationSpace,
    private readonly name: string,
  ) {
    const { index, size, kind } = form;
    this.#register = Register.bars + 4 * index;
    const type = kind === 'ports' ? BarType.ports : kind === 'memory64' ? BarType.memory64 : 0;
    configuration.define(this.#register, 4, { value: type, writable: (-size & ~(kind === 'ports' ? 3 : 15)) >>> 0 });
    if (kind === 'memory64') {
      const high = size > 2 ** 32 ? 2 ** 32 - size / 2 ** 32 : 0xffff_ffff;
      configuration.define(this.#register + 4, 4, { writable: high });
    }
  }

  /** 0 as long as nothing was assigned. */
  get base(): number {
    const { kind } = this.form;
    const low = this.configuration.read(this.#register, 4);
    if (kind === 'ports') return (low & ~3) >>> 0;
    const high = kind === 'memory64' ? this.configuration.read(this.#register + 4, 4) : 0;
    return high * 2 ** 32 + ((low & ~15) >>> 0);
  }

  decode(command: number, connection: PciConnection): void {
    const { form, base } = this;
    if (base === 0) return;
    const range = { base, length: form.size };
    if (form.kind === 'ports') {
      if (!(command & Command.ports) || base + form.size > 0x1_0000) return;
      const { handler } = form;
      this.#claim = connection.claimPorts(range, {
        name: this.name,
        read: (port, size) => handler.read(port - base, size),
        write: (port, size, value) => handler.write(port - base, size, value),
      });
    } else if (command & Command.memory && base + form.size <= addressLimit) {
      this.#claim = connection.claimMemory(range, form.handler);
    }
  }

  conceal(): void {
    this.#claim?.release();
    this.#claim = undefined;
  }

  get decoded(): boolean {
    return this.#claim !== undefined;
  }
}
