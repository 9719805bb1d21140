/** Memory operands of up to 256 bits as bytes, little-endian: what an assist moves between an instruction and a bus. */
export const largestOperand = 32;

export function readOperand(view: DataView, bytes: number): bigint {
  let value = 0n;
  for (let at = 0; at < bytes; at += 8) value |= view.getBigUint64(at, true) << BigInt(at * 8);
  return BigInt.asUintN(bytes * 8, value);
}

export function writeOperand(view: DataView, bytes: number, value: bigint): void {
  for (let at = 0; at < bytes; at += 8) view.setBigUint64(at, BigInt.asUintN(64, value >> BigInt(at * 8)), true);
}
