/** LEB128 integers, as WebAssembly's binary format writes them (core specification, section 5.2.2). */

export function unsigned(out: number[], value: number): void {
  let rest = value >>> 0;
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  out.push(rest);
}

export function signed32(out: number[], value: number): void {
  let rest = value | 0;
  while (rest > 63 || rest < -64) {
    out.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  out.push(rest & 0x7f);
}

export function signed64(out: number[], value: bigint): void {
  let rest = BigInt.asIntN(64, value);
  while (rest > 63n || rest < -64n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest & 0x7fn));
}

/** Five bytes whatever the value: a place that is filled in later. */
export function padded(value: number): number[] {
  return [0, 1, 2, 3, 4].map(index => ((value >>> (index * 7)) & 0x7f) | (index < 4 ? 0x80 : 0));
}

export function text(out: number[], value: string): void {
  const bytes = new TextEncoder().encode(value);
  unsigned(out, bytes.length);
  out.push(...bytes);
}
