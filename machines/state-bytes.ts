/**
 * A saved state as bytes, for files and other hosts: a header with a checksum, the state as JSON, and the bytes that it speaks of,
 * pages of zeros left out.
 */
import { badState } from './check-state.ts';
import type { MachineState } from './machine-state.ts';

const magic = 0x3436_7476;
const format = 1;
const headerSize = 16;
const page = 4096;
const longest = 2 ** 32;

/** How JSON says what it has no words for. */
type Said = { readonly $integer: string } | { readonly $bytes: number; readonly pages: readonly number[] };

export function encodeState(state: MachineState): Uint8Array {
  const parts: Uint8Array[] = [];
  const json = JSON.stringify(state, (_, value: unknown): unknown => {
    if (typeof value === 'bigint') return { $integer: value.toString() } satisfies Said;
    if (!(value instanceof Uint8Array)) return value;
    const pages = usedPages(value);
    for (const index of pages) parts.push(value.subarray(index * page, (index + 1) * page));
    return { $bytes: value.length, pages } satisfies Said;
  });
  const text = new TextEncoder().encode(json);
  const bytes = new Uint8Array([text, ...parts].reduce((sum, { length }) => sum + length, headerSize));
  let at = headerSize;
  for (const part of [text, ...parts]) {
    bytes.set(part, at);
    at += part.length;
  }
  [magic, format, text.length, checksum(bytes)].forEach((value, n) => {
    new DataView(bytes.buffer).setUint32(4 * n, value, true);
  });
  return bytes;
}

/** Throws a MachineError if the bytes are not whole. Whether the state is a machine's own `restore` says. */
export function decodeState(bytes: Uint8Array): MachineState {
  const refuse = (message: string, cause?: unknown): never => {
    throw badState('state', message, cause);
  };
  if (bytes.length < headerSize) return refuse('these bytes are no saved state');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [kind, version, length, sum] = [0, 4, 8, 12].map(at => view.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
  ];
  if (kind !== magic) return refuse('these bytes are no saved state');
  if (version !== format) return refuse(`the state is in format ${version}, not ${format}`);
  if (length > bytes.length - headerSize || sum !== checksum(bytes)) return refuse('the state is truncated or damaged');
  let at = headerSize + length;
  const take = (size: number): Uint8Array => {
    if (!(size > 0 && at + size <= bytes.length)) return refuse('the state is truncated or damaged');
    at += size;
    return bytes.subarray(at - size, at);
  };
  const unsay = (_: string, value: Said | undefined | null): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if ('$integer' in value) return BigInt(value.$integer);
    if (!('$bytes' in value)) return value;
    const { $bytes: size, pages } = value;
    if (!(Number.isInteger(size) && size >= 0 && size <= longest)) return refuse(`there are no ${size} bytes`);
    const whole = new Uint8Array(size);
    for (const index of pages) whole.set(take(Math.min(page, size - index * page)), index * page);
    return whole;
  };
  try {
    return JSON.parse(new TextDecoder().decode(bytes.subarray(headerSize, headerSize + length)), unsay) as MachineState;
  } catch (error) {
    return refuse('the state is truncated or damaged', error);
  }
}

function usedPages(bytes: Uint8Array): number[] {
  const count = Math.ceil(bytes.length / page);
  return [...Array(count).keys()].filter(index =>
    bytes.subarray(index * page, (index + 1) * page).some(byte => byte !== 0),
  );
}

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

/** CRC-32 of what follows the header. */
function checksum(bytes: Uint8Array): number {
  let sum = -1;
  for (let at = headerSize; at < bytes.length; at++) sum = (sum >>> 8) ^ table[(sum ^ bytes[at]) & 0xff];
  return ~sum >>> 0;
}
