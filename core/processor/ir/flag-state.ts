/**
 * The flags' lazy form in the state block (flagResult, flagBits; core/processor/state/layout.ts), on BigInts. PF and SF follow from the
 * result unless a bit says that they are the other way round; ZF always does.
 */
import type { FlagName } from './value.ts';

const position: Readonly<Record<FlagName, bigint>> = { cf: 0n, pf: 2n, af: 4n, zf: 6n, sf: 7n, of: 11n };

const evenParity = (value: bigint): bigint => {
  let byte = Number(value & 0xffn);
  byte ^= byte >> 4;
  byte ^= byte >> 2;
  byte ^= byte >> 1;
  return BigInt(~byte & 1);
};

const bit = (bits: bigint, name: FlagName): bigint => (bits >> position[name]) & 1n;

export function readFlag(name: FlagName, result: bigint, bits: bigint): bigint {
  if (name === 'zf') return result === 0n ? 1n : 0n;
  if (name === 'sf') return (result >> 63n) ^ bit(bits, 'sf');
  if (name === 'pf') return evenParity(result) ^ bit(bits, 'pf');
  return bit(bits, name);
}

export interface FlagState {
  readonly result: bigint;
  readonly bits: bigint;
}

const withBit = (bits: bigint, name: FlagName, value: bigint): bigint =>
  (bits & ~(1n << position[name])) | (value << position[name]);

/** What an update of flags leaves, ZF, SF and PF given by a result or one by one. */
export function composeFlags(
  before: FlagState,
  result: { readonly value: bigint; readonly width: number } | undefined,
  single: Readonly<Partial<Record<FlagName, bigint>>>,
): FlagState {
  let state = before;
  if (result) {
    const extended = BigInt.asUintN(64, BigInt.asIntN(result.width, result.value));
    state = { result: extended, bits: withBit(withBit(state.bits, 'sf', 0n), 'pf', 0n) };
  }
  if (single.zf !== undefined || single.sf !== undefined || single.pf !== undefined) {
    const wanted = (name: FlagName) => single[name] ?? readFlag(name, state.result, state.bits);
    const [zf, sf, pf] = [wanted('zf'), wanted('sf'), wanted('pf')];
    const plain = zf ? 0n : 1n;
    state = { result: plain, bits: withBit(withBit(state.bits, 'sf', sf), 'pf', pf ^ evenParity(plain)) };
  }
  let { bits } = state;
  for (const name of ['cf', 'af', 'of'] as const) {
    const value = single[name];
    if (value !== undefined) bits = withBit(bits, name, value);
  }
  return { result: state.result, bits };
}
