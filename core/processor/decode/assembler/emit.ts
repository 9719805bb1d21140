/** A settled encoding to bytes, prefixes in the order of GNU as. */
import { escapes, type Row, Space, vexSpaces } from '../../isa/row.ts';
import { type Context, type Encoding, fitsSigned, type Statement } from './encoding.ts';

const segmentBytes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

const prefixClasses: Readonly<Record<string, number>> = { 66: 1, f3: 2, f2: 3 };

/** Two bytes where they can say it (SDM vol. 2, section 2.3.5). */
function vexBytes(row: Row, { rex, vvvv, w, l }: Encoding): number[] {
  const last = ((~vvvv & 15) << 3) | (l << 2) | (prefixClasses[row.prefix] ?? 0);
  if (row.space === Space.vexOf && w === 0 && (rex & 3) === 0) return [0xc5, (rex & 4 ? 0 : 0x80) | last];
  return [0xc4, ((~rex & 7) << 5) | (row.space - vexSpaces), (w << 7) | last];
}

/** Undefined where a branch does not reach. */
export function emit(
  row: Row,
  encoding: Encoding,
  statement: Statement,
  { bits, address }: Context,
  prefix66: boolean,
): number[] | undefined {
  const bytes: number[] = [];
  if (encoding.segment >= 0) bytes.push(segmentBytes[encoding.segment]);
  if (encoding.addressPrefix) bytes.push(0x67);
  if (prefix66) bytes.push(0x66);
  bytes.push(...statement.repeats);
  if (row.prefix === 'f2' && !row.vex) bytes.push(0xf2);
  if (row.prefix === 'f3' && !row.vex) bytes.push(0xf3);
  if (encoding.needsRex) bytes.push(0x40 | encoding.rex);
  bytes.push(...(row.vex ? vexBytes(row, encoding) : escapes[row.space]), row.byte + encoding.opcodeRegister);
  if (row.modrm >= 0) bytes.push(row.modrm);
  else if (row.hasModrm) {
    bytes.push((encoding.mod << 6) | (encoding.reg << 3) | encoding.rm);
    if (encoding.sib >= 0) bytes.push(encoding.sib);
  }
  const tail = [...(encoding.displacement ? [encoding.displacement] : []), ...encoding.immediates];
  const length = bytes.length + tail.reduce((sum, part) => sum + part.bytes, 0);
  for (const { bytes: count, value, relative } of tail) {
    const width = count * 8;
    let written = value;
    if (relative) {
      written = value - (address + BigInt(length));
      const around = bits === 64 ? 64 : (bits === 32) !== prefix66 ? 32 : 16;
      if (around === 16 && value >> 16n !== address >> 16n) return undefined;
      written = BigInt.asIntN(around, written);
      if (!fitsSigned(written, width)) return undefined;
    }
    for (let n = 0; n < count; n++) bytes.push(Number((written >> BigInt(8 * n)) & 0xffn));
  }
  return bytes;
}
