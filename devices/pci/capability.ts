import type { ConfigurationSpace } from './configuration.ts';
import { Register, Status } from './registers.ts';

/** One entry of the capabilities list (PCI 3.0, 6.7). */
export interface Capability {
  readonly id: number;
  /** What follows the identifier and the link. */
  readonly body: readonly number[];
  /** Writable bits of the body, byte by byte; none if left out. */
  readonly writable?: readonly number[];
  /** Told where the list has it: the body starts at `at + 2`. */
  placed?(configuration: ConfigurationSpace, at: number): void;
  /** A guest is about to read these bytes, or has written them; offsets from the capability's start. */
  reading?(offset: number, size: number): void;
  written?(offset: number, size: number): void;
}

interface Placed {
  readonly at: number;
  readonly length: number;
  readonly capability: Capability;
}

/** The list of a function, laid out from 0x40 on. */
export class CapabilityList {
  readonly #placed: Placed[] = [];

  constructor(configuration: ConfigurationSpace, capabilities: readonly Capability[]) {
    if (capabilities.length === 0) return;
    let link: number = Register.capabilities;
    let at: number = Register.firstCapability;
    configuration.define(Register.status, 2, { value: Status.capabilities, clearable: Status.clearable });
    for (const capability of capabilities) {
      const { id, body, writable = [] } = capability;
      configuration.define(link, 1, { value: at });
      configuration.define(at, 1, { value: id });
      body.forEach((value, index) => {
        configuration.define(at + 2 + index, 1, { value, writable: writable[index] ?? 0 });
      });
      capability.placed?.(configuration, at);
      this.#placed.push({ at, length: body.length + 2, capability });
      link = at + 1;
      at = (at + body.length + 2 + 3) & ~3;
    }
  }

  reading(register: number, size: number): void {
    const entry = this.#find(register, size);
    entry?.capability.reading?.(register - entry.at, size);
  }

  written(register: number, size: number): void {
    const entry = this.#find(register, size);
    entry?.capability.written?.(register - entry.at, size);
  }

  #find(register: number, size: number): Placed | undefined {
    if (register < Register.firstCapability) return undefined;
    return this.#placed.find(({ at, length }) => register < at + length && at < register + size);
  }
}
