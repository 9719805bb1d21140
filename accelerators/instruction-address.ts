import type { CpuState } from '#core';

const longActive = 1n << 10n;
const longCode = 1 << 9;

/** Linear address of the instruction at RIP. */
export function instructionAddress({
  general,
  segments,
  msrs,
}: Pick<CpuState, 'general' | 'segments' | 'msrs'>): bigint {
  const { cs } = segments;
  const in64 = (msrs.efer & longActive) !== 0n && (cs.attributes & longCode) !== 0;
  return in64 ? general.rip : BigInt.asUintN(32, cs.base + general.rip);
}
