import { type MmioHandler, registers32 } from '#core';
import type { Capability } from './capability.ts';
import type { ConfigurationSpace } from './configuration.ts';
import { CapabilityId } from './registers.ts';

/** Message control, the capability's second word. */
const Control = { functionMask: 1 << 14, enable: 1 << 15 } as const;

const entrySize = 16;
const masked = 1;

/** The pending bits lie in the second half of the page. */
const pendingOffset = 0x800;

export interface MsiXParts {
  readonly name: string;
  /** Up to 128: then table and pending bits fit into a page. */
  readonly vectors: number;
  /** The BAR that holds the table. */
  readonly bar: number;
  /** Sends, if the function is bus master; else answers false, and the message stays pending. */
  readonly send: (address: number, data: number) => boolean;
  /** MSI-X was switched on or off: the interrupt pin must follow. */
  readonly onEnable: () => void;
}

/** MSI-X (PCI 3.0, 6.8.2): a table of messages and their pending bits, in a BAR of 4 KiB. */
export class MsiX implements Capability {
  static readonly barSize = 0x1000;

  readonly id = CapabilityId.msiX;
  readonly body: readonly number[];
  readonly writable = [0x00, 0xc0];
  readonly handler: MmioHandler;

  state: ReturnType<MsiX['form']>;
  #configuration!: ConfigurationSpace;
  #at = 0;

  constructor(private readonly parts: MsiXParts) {
    const { vectors, bar } = parts;
    const size = vectors - 1;
    this.body = [size & 0xff, size >> 8, bar, 0, 0, 0, bar, pendingOffset >> 8, 0, 0];
    this.handler = registers32({
      name: `${parts.name} MSI-X`,
      read: offset => this.#read(offset),
      write: (offset, value) => this.#write(offset, value),
    });
    this.state = this.form();
  }

  /** The state after power-on. */
  form() {
    const { vectors } = this.parts;
    const words = new Array<number>(vectors * 4).fill(0);
    for (let entry = 0; entry < vectors; entry++) words[entry * 4 + 3] = masked;
    return { words, pending: new Uint8Array(vectors) };
  }

  reset(): void {
    this.state = this.form();
  }

  placed(configuration: ConfigurationSpace, at: number): void {
    this.#configuration = configuration;
    this.#at = at;
  }

  get vectors(): number {
    return this.parts.vectors;
  }

  get enabled(): boolean {
    return (this.#control & Control.enable) !== 0;
  }

  get #control(): number {
    return this.#configuration.read(this.#at + 2, 2);
  }

  /** Sends the message of a vector, now or when it is unmasked. */
  signal(vector: number): void {
    if (vector >= this.vectors || !this.enabled) return;
    this.state.pending[vector] = 1;
    this.#deliver(vector);
  }

  written(): void {
    this.parts.onEnable();
    this.deliverPending();
  }

  /** Masks have changed, or bus mastering has. */
  deliverPending(): void {
    for (let vector = 0; vector < this.vectors; vector++) {
      if (this.state.pending[vector]) this.#deliver(vector);
    }
  }

  #deliver(vector: number): void {
    const { words, pending } = this.state;
    const entry = vector * 4;
    if ((this.#control & (Control.enable | Control.functionMask)) !== Control.enable) return;
    if (words[entry + 3] & masked) return;
    if (this.parts.send(words[entry + 1] * 2 ** 32 + words[entry], words[entry + 2])) pending[vector] = 0;
  }

  #read(offset: number): number {
    if (offset < this.vectors * entrySize) return this.state.words[offset >> 2];
    if (offset < pendingOffset) return 0;
    const first = (offset - pendingOffset) * 8;
    let bits = 0;
    for (let bit = 0; bit < 32; bit++) if (this.state.pending[first + bit]) bits |= 1 << bit;
    return bits >>> 0;
  }

  #write(offset: number, value: number): void {
    if (offset >= this.vectors * entrySize) return;
    const field = (offset >> 2) & 3;
    this.state.words[offset >> 2] = field === 0 ? (value & ~3) >>> 0 : field === 3 ? value & masked : value;
    if (field === 3 && this.state.pending[offset >> 4]) this.#deliver(offset >> 4);
  }
}
