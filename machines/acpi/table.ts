/** The header that all ACPI tables but RSDP and FACS begin with (ACPI 6.4 §5.2.6), and their checksum. */

export const headerSize = 36;
const encoder = new TextEncoder();

/** Makes the bytes from `start` to `end` sum to zero by the byte at `at`. */
export function setChecksum(bytes: Uint8Array, at: number, start = 0, end = bytes.length): void {
  bytes[at] = 0;
  let sum = 0;
  for (const byte of bytes.subarray(start, end)) sum += byte;
  bytes[at] = -sum & 0xff;
}

export const text = (value: string): Uint8Array => encoder.encode(value);

export interface TableWriter {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** A table of `size` bytes, header included, filled in by `fill` and then summed. */
export function table(
  signature: string,
  revision: number,
  size: number,
  fill: (writer: TableWriter) => void,
): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set(text(signature), 0);
  view.setUint32(4, size, true);
  view.setUint8(8, revision);
  bytes.set(text('VIRT64'), 10);
  bytes.set(text('VIRT64PC'), 16);
  view.setUint32(24, 1, true);
  bytes.set(text('V64 '), 28);
  view.setUint32(32, 1, true);
  fill({ bytes, view });
  setChecksum(bytes, 9);
  return bytes;
}
