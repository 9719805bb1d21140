/** Resource descriptors, what _CRS lists (ACPI 6.4 §6.4). */
import { type Aml, buffer, concatenate, name } from './aml.ts';

export interface Range {
  readonly base: number;
  readonly size: number;
}

const words = (...values: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 2);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint16(index * 2, value, true);
  return bytes;
};

const longs = (...values: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value, true);
  return bytes;
};

const quads = (...values: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setBigUint64(index * 8, BigInt(value), true);
  return bytes;
};

/** Ports that a device answers at, decoded with all 16 bits. */
export const ports = ({ base, size }: Range): Uint8Array => concatenate([0x47, 1], words(base, base), [1, size]);

/** Edge triggered, active high, not shared: an ISA interrupt, or a higher one in the descriptor that can name it. */
export const irq = (line: number): Uint8Array =>
  line < 16 ? concatenate([0x22], words(1 << line)) : concatenate([0x89, 6, 0, 0x03, 1], longs(line));

export const fixedMemory = ({ base, size }: Range): Uint8Array => concatenate([0x86], words(9), [1], longs(base, size));

/** What a bridge hands on to the bus behind it: both ends fixed. */
const produced = 0x0c;
const addressType = { memory: 0, ports: 1, busNumbers: 2 } as const;
const lastOf = ({ base, size }: Range): number => base + size - 1;

export const busNumbers = (range: Range): Uint8Array =>
  concatenate(
    [0x88],
    words(13),
    [addressType.busNumbers, produced, 0],
    words(0, range.base, lastOf(range), 0, range.size),
  );

export const portWindow = (range: Range): Uint8Array => {
  const wholeRange = 3;
  return concatenate(
    [0x88],
    words(13),
    [addressType.ports, produced, wholeRange],
    words(0, range.base, lastOf(range), 0, range.size),
  );
};

/** Read-write, not cacheable. Windows above 4 GiB need the wide form. */
export const memoryWindow = (range: Range): Uint8Array => {
  const kind = [addressType.memory, produced, 1];
  return lastOf(range) < 2 ** 32
    ? concatenate([0x87], words(23), kind, longs(0, range.base, lastOf(range), 0, range.size))
    : concatenate([0x8a], words(43), kind, quads(0, range.base, lastOf(range), 0, range.size));
};

const endTag = [0x79, 0];

export const currentResources = (...resources: readonly Uint8Array[]): Aml =>
  name('_CRS', buffer(concatenate(...resources, endTag)));
