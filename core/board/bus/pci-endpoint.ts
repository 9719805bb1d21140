/** A function's side of the bus. Nothing that a guest writes may make it throw. */
export interface PciEndpoint {
  readonly name: string;
  /** Set by the bus: its device has other functions, which the header type tells. */
  multiFunction: boolean;
  /** `register` is a byte offset below 256; an access never leaves its doubleword. Values are unsigned. */
  readConfiguration(register: number, size: 1 | 2 | 4): number;
  writeConfiguration(register: number, size: 1 | 2 | 4, value: number): void;
  /** RST#: configuration space as after power-on. */
  reset(): void;
  /** Claims what its base address registers say now. Nothing is claimed when this is called. */
  decode(): void;
  /** Releases all that `decode` claimed. */
  conceal(): void;
}
