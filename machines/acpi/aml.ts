/** Writes ACPI Machine Language: the few terms that a table of devices needs (ACPI 6.4 §20.2). */

export type Aml = Uint8Array;
/** Numbers become AML integers, strings AML strings, arrays packages; bytes are AML already. */
export type AmlData = number | string | Aml | readonly AmlData[];

const opcode = {
  name: 0x08,
  byte: 0x0a,
  word: 0x0b,
  long: 0x0c,
  string: 0x0d,
  quad: 0x0e,
  scope: 0x10,
  buffer: 0x11,
  package: 0x12,
  method: 0x14,
  argument0: 0x68,
  store: 0x70,
  if: 0xa0,
  return: 0xa4,
  extended: 0x5b,
  device: 0x82,
} as const;

const encoder = new TextEncoder();

export function concatenate(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** `\_SB.PCI0`: an optional root or parent prefix and segments of up to four characters. */
function path(text: string): Aml {
  const prefix = /^(\\|\^*)/.exec(text)![0];
  const segments = text.slice(prefix.length).split('.').filter(Boolean);
  const count = segments.length;
  const head = count === 0 ? [0] : count === 1 ? [] : count === 2 ? [0x2e] : [0x2f, count];
  return concatenate(encoder.encode(prefix), head, ...segments.map(segment => encoder.encode(segment.padEnd(4, '_'))));
}

/** A length that counts its own bytes: six bits alone, else four and up to three bytes more. */
function packed(...content: readonly (Uint8Array | readonly number[])[]): Aml {
  const body = concatenate(...content);
  if (body.length + 1 < 0x40) return concatenate([body.length + 1], body);
  const extra = body.length + 2 < 0x1000 ? 1 : body.length + 3 < 0x10_0000 ? 2 : 3;
  const length = body.length + 1 + extra;
  const rest = Array.from({ length: extra }, (_, index) => (length >>> (4 + index * 8)) & 0xff);
  return concatenate([(extra << 6) | (length & 0xf)], rest, body);
}

const littleEndian = (value: number, size: number): number[] =>
  Array.from({ length: size }, (_, index) => Math.floor(value / 2 ** (index * 8)) % 0x100);

function integer(value: number): Aml {
  if (value === 0 || value === 1) return new Uint8Array([value]);
  if (value < 0x100) return concatenate([opcode.byte], littleEndian(value, 1));
  if (value < 0x1_0000) return concatenate([opcode.word], littleEndian(value, 2));
  if (value < 0x1_0000_0000) return concatenate([opcode.long], littleEndian(value, 4));
  return concatenate([opcode.quad], littleEndian(value, 8));
}

export function data(value: AmlData): Aml {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'number') return integer(value);
  if (typeof value === 'string') return concatenate([opcode.string], encoder.encode(value), [0]);
  return concatenate([opcode.package], packed([value.length], ...value.map(data)));
}

export const buffer = (bytes: Uint8Array): Aml => concatenate([opcode.buffer], packed(integer(bytes.length), bytes));

export const name = (text: string, value: AmlData): Aml => concatenate([opcode.name], path(text), data(value));

export const scope = (text: string, ...terms: readonly Aml[]): Aml =>
  concatenate([opcode.scope], packed(path(text), ...terms));

export const device = (text: string, ...terms: readonly Aml[]): Aml =>
  concatenate([opcode.extended, opcode.device], packed(path(text), ...terms));

/** A method that takes `parameters` arguments, does not serialize and says what `terms` say. */
export const method = (text: string, parameters: number, ...terms: readonly Aml[]): Aml =>
  concatenate([opcode.method], packed(path(text), [parameters], ...terms));

export const returns = (value: AmlData): Aml => concatenate([opcode.return], data(value));

/** The object of that name, as a term. */
export const reference = (text: string): Aml => path(text);

/** Stores a method's first argument in the object of that name. */
export const storesArgument = (text: string): Aml => concatenate([opcode.store, opcode.argument0], path(text));

export const when = (predicate: Aml, ...terms: readonly Aml[]): Aml =>
  concatenate([opcode.if], packed(predicate, ...terms));

/** "PNP0A03" as the 32-bit number that _HID and _CID take (ACPI 6.4 §19.3.4, EISAID). */
export function eisaId(text: string): number {
  const letter = (index: number): number => text.charCodeAt(index) - 0x40;
  const vendor = (letter(0) << 10) | (letter(1) << 5) | letter(2);
  const product = Number.parseInt(text.slice(3), 16);
  const swap = (word: number): number => ((word & 0xff) << 8) | (word >>> 8);
  return (swap(product) * 0x1_0000 + swap(vendor)) >>> 0;
}
