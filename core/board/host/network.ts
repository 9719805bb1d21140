/** A network as the host supplies it: Ethernet frames without preamble and checksum. */
export interface NetworkBackend {
  send(frame: Uint8Array): void;
  /** There is one listener, the device; a later one replaces it. */
  onReceive(listener: (frame: Uint8Array) => void): void;
}
