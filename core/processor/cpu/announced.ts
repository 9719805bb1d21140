/** What a model announces, and what the emulated CPU has. */
import { type CpuidRegister, features } from './features.ts';
import type { CpuModel } from './model.ts';

/** Names whose instructions do not exist, or not all of them. */
const unknown: ReadonlySet<string> = new Set(['ssse3', 'sse41', 'sse42', 'aes', 'clzero']);

/** CPUID features that the emulated CPU can have. What the board is to have, such as `mtrr`, is among them. */
export const implementedFeatures: ReadonlySet<string> = new Set(
  Object.keys(features).filter(name => !unknown.has(name)),
);

/** Registers of CPUID in which each bit is a feature. */
const featureRegisters: readonly (readonly [leaf: number, subleaf: number, registers: readonly CpuidRegister[]])[] = [
  [1, 0, ['ecx', 'edx']],
  [7, 0, ['ebx', 'ecx', 'edx']],
  [0x8000_0001, 0, ['ecx', 'edx']],
];
/** AMD repeats these bits of leaf 1 in leaf 80000001H. */
const repeated = 0x0183_f3ff;

/** The names of all that a model's leaves announce. A bit that has no name here is called as the manuals do: CPUID.01H:ECX[28]. */
export function announcedFeatures({ features: names, leaves, vendor, dialect }: CpuModel): string[] {
  const found = [...names].filter(name => name !== dialect);
  for (const [leaf, subleaf, registers] of featureRegisters) {
    const given = leaves.find(each => each.leaf === leaf && (each.subleaf ?? subleaf) === subleaf);
    for (const register of given ? registers : []) {
      const known = Object.values(features)
        .filter(each => each.leaf === leaf && each.register === register)
        .reduce((mask, { bit }) => mask | (1 << bit), 0);
      const copied = leaf === 0x8000_0001 && register === 'edx' && vendor === 'amd' ? repeated : 0;
      const nameless = given![register] & ~(known | copied);
      const number = leaf.toString(16).toUpperCase().padStart(2, '0');
      for (let bit = 0; bit < 32; bit++)
        if ((nameless >>> bit) & 1) found.push(`CPUID.${number}H:${register.toUpperCase()}[${bit}]`);
    }
  }
  return found;
}
