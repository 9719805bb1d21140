/** An SMBIOS structure (DSP0134 2.8, 6.1.2): a header, fields at offsets that the specification names, and texts behind them. */

export interface StructureWriter {
  readonly view: DataView;
  /** Puts the number of a text at an offset. */
  text(at: number, value: string): void;
}

/** `size`: of the formatted area, header included. */
export function structure(
  type: number,
  handle: number,
  size: number,
  fill: (writer: StructureWriter) => void = () => {},
): Uint8Array {
  const view = new DataView(new ArrayBuffer(size));
  const texts: string[] = [];
  view.setUint8(0, type);
  view.setUint8(1, size);
  view.setUint16(2, handle, true);
  fill({ view, text: (at, value) => view.setUint8(at, texts.push(value)) });
  const strings = new TextEncoder().encode(texts.length > 0 ? `${texts.join('\0')}\0\0` : '\0\0');
  const bytes = new Uint8Array(size + strings.length);
  bytes.set(new Uint8Array(view.buffer));
  bytes.set(strings, size);
  return bytes;
}
