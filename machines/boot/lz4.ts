/** LZ4's legacy frames (lz4_Frame_format.md, "Legacy frame"), in which many distributions pack their kernels. */

const magic = 0x184c_2102;
const minimalMatch = 4;

export const isLz4 = (bytes: Uint8Array): boolean =>
  bytes.length >= 8 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === magic;

/** Exactly `size` bytes, or undefined if the input is not what it should be. */
export function unpackLz4(bytes: Uint8Array, size: number): Uint8Array | undefined {
  if (!isLz4(bytes)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const output = new Uint8Array(size);
  let from = 4;
  let to = 0;
  while (to < size) {
    if (from + 4 > bytes.length) return undefined;
    const length = view.getUint32(from, true);
    from += 4;
    if (length === 0 || from + length > bytes.length) return undefined;
    to = unpackBlock(bytes, from, from + length, output, to);
    if (to < 0) return undefined;
    from += length;
  }
  return output;
}

/** Blocks do not refer to each other. Answers where the output ends, or -1. */
function unpackBlock(input: Uint8Array, start: number, end: number, output: Uint8Array, base: number): number {
  let from = start;
  let to = base;
  const extended = (nibble: number): number => {
    if (nibble < 15) return nibble;
    let length = 15;
    for (let more = 255; more === 255; length += more) more = from < end ? input[from++] : 0;
    return length;
  };
  while (from < end) {
    const token = input[from++];
    const literals = extended(token >> 4);
    if (from + literals > end || to + literals > output.length) return -1;
    output.set(input.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from >= end) return to;
    if (from + 2 > end) return -1;
    const distance = input[from] | (input[from + 1] << 8);
    from += 2;
    const length = extended(token & 15) + minimalMatch;
    if (distance === 0 || to - distance < base || to + length > output.length) return -1;
    if (distance >= length) output.copyWithin(to, to - distance, to - distance + length);
    else for (let index = 0; index < length; index++) output[to + index] = output[to + index - distance];
    to += length;
  }
  return to;
}
