/** The registers of a VCPU as text. */
import { Cr, Dr, Gpr, Msr, Seg } from '../abi.ts';
import type { X64StateView } from './state-view.ts';

const hex = (value: bigint | number, digits: number): string => value.toString(16).padStart(digits, '0');
const rows = (names: Readonly<Record<string, number>>, read: (index: number) => bigint): string[] =>
  Object.entries(names).map(([name, index]) => `${name.padEnd(12)} ${hex(read(index), 16)}`);
const numbered = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`r${n + 8}`, n + 8]));

export function dump(state: X64StateView): string {
  const segments = Object.entries(Seg).map(([name, index]) => {
    const { selector, attributes, limit, base } = state.segment(index);
    return `${name.padEnd(12)} ${hex(selector, 4)} base=${hex(base, 16)} limit=${hex(limit, 8)} attrib=${hex(attributes, 3)}`;
  });
  return [
    ...rows({ ...Gpr, ...numbered }, n => state.gpr(n)),
    ...segments,
    ...rows(Cr, n => state.cr(n)),
    ...rows(Dr, n => state.dr(n)),
    ...rows(Msr, n => state.msr(n)),
  ].join('\n');
}
