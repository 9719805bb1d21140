import { answering, type Owner } from '../framework/owner.ts';
import type { PciEndpoint } from './pci-endpoint.ts';

/** A function on the PCI bus, with who answers for what it throws. Configuration space is accessed seldom: a closure each is no matter. */
export class OwnedEndpoint implements PciEndpoint {
  constructor(
    private readonly endpoint: PciEndpoint,
    private readonly owner: Owner,
  ) {}

  get name(): string {
    return this.endpoint.name;
  }

  get multiFunction(): boolean {
    return this.endpoint.multiFunction;
  }

  set multiFunction(value: boolean) {
    this.endpoint.multiFunction = value;
  }

  readConfiguration(register: number, size: 1 | 2 | 4): number {
    return this.#answer('a read of its configuration space', () => this.endpoint.readConfiguration(register, size));
  }

  writeConfiguration(register: number, size: 1 | 2 | 4, value: number): void {
    this.#answer('a write to its configuration space', () => this.endpoint.writeConfiguration(register, size, value));
  }

  reset(): void {
    this.#answer('a reset of the PCI bus', () => this.endpoint.reset());
  }

  decode(): void {
    this.#answer('claiming its addresses', () => this.endpoint.decode());
  }

  conceal(): void {
    this.#answer('giving up its addresses', () => this.endpoint.conceal());
  }

  #answer<T>(act: string, action: () => T): T {
    return answering(this.owner, act, action);
  }
}
