/** Values as messages have them. */

const longest = 200;

/** Numbers and bigints in hexadecimal, too, since most of them are addresses and bits. */
export function show(value: unknown): string {
  const text = write(value, 0);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'bigint':
      return `${value}n${inHexadecimal(value)}`;
    case 'number':
      return `${value}${Number.isInteger(value) ? inHexadecimal(value) : ''}`;
    case 'string':
      return JSON.stringify(value);
    case 'function':
      return `function ${value.name}`;
    case 'object':
      return value === null ? 'null' : writeObject(value, depth);
    default:
      return String(value);
  }
}

function inHexadecimal(value: number | bigint): string {
  if (value >= -9 && value <= 9) return '';
  const digits = value.toString(16);
  return ` (${digits.startsWith('-') ? `-0x${digits.slice(1)}` : `0x${digits}`})`;
}

function writeObject(value: object, depth: number): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Map || value instanceof Set) return `${value.constructor.name} ${write([...value], depth)}`;
  const isList = Array.isArray(value) || ArrayBuffer.isView(value);
  if (depth > 2) return isList ? '[…]' : '{…}';
  if (isList) return `[${Array.from(value as unknown[], each => write(each, depth + 1)).join(', ')}]`;
  const entries = Object.entries(value).map(([key, each]) => `${key}: ${write(each, depth + 1)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}
