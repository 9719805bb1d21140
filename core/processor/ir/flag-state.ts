/** The flags' lazy form (core/processor/state/lazy-flags.ts), on BigInts. */
import { evenParity, flagPosition, storedFlags } from '../state/lazy-flags.ts';
import type { FlagName } from './value.ts';

const parityOf = (value: bigint): bigint => BigInt(evenParity(Number(value & 0xffn)));
const positionOf = (name: FlagName): bigint => BigInt(flagPosition[name]);

const bit = (bits: bigint, name: FlagName): bigint => (bits >> positionOf(name)) & 1n;

export function readFlag(name: FlagName, result: bigint, bits: bigint): bigint {
  if (name === 'zf') return result === 0n ? 1n : 0n;
  if (name === 'sf') return (result >> 63n) ^ bit(bits, 'sf');
  if (name === 'pf') return parityOf(result) ^ bit(bits, 'pf');
  return bit(bits, name);
}

export interface FlagState {
  readonly result: bigint;
  readonly bits: bigint;
}

const withBit = (bits: bigint, name: FlagName, value: bigint): bigint =>
  (bits & ~(1n << positionOf(name))) | (value << positionOf(name));

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
    state = { result: plain, bits: withBit(withBit(state.bits, 'sf', sf), 'pf', pf ^ parityOf(plain)) };
  }
  let { bits } = state;
  for (const name of storedFlags) {
    const value = single[name];
    if (value !== undefined) bits = withBit(bits, name, value);
  }
  return { result: state.result, bits };
}
