/** The BIOS memory map (INT 15h, AX=E820h): RAM as the board has it, minus what firmware keeps. ACPI 6.4 §15. */
import type { GuestMemory } from '#core';

export const RangeType = { Ram: 1, Reserved: 2, Acpi: 3, AcpiNvs: 4, Unusable: 5 } as const;
export type RangeType = (typeof RangeType)[keyof typeof RangeType];

export interface MemoryRange {
  readonly base: number;
  readonly size: number;
  readonly type: RangeType;
}

/** On every PC: the extended BIOS data area, the VGA window and the BIOS ROMs are nobody's RAM. */
export const legacyHole: readonly MemoryRange[] = [
  { base: 0x9_fc00, size: 0x400, type: RangeType.Reserved },
  { base: 0xa_0000, size: 0x6_0000, type: RangeType.Reserved },
];

const endOf = (range: { base: number; size: number }): number => range.base + range.size;

/** RAM regions with the reservations cut out, and the reservations themselves, sorted. Earlier reservations win over later ones. */
export function memoryMap(
  regions: GuestMemory['regions'],
  reservations: readonly MemoryRange[] = legacyHole,
): MemoryRange[] {
  const kept: MemoryRange[] = [];
  for (const reservation of reservations) kept.push(...subtract(reservation, kept));
  const ram = regions.flatMap(region => subtract({ ...region, type: RangeType.Ram }, kept));
  return [...ram, ...kept].sort((a, b) => a.base - b.base);
}

function subtract(range: MemoryRange, holes: readonly MemoryRange[]): MemoryRange[] {
  let pieces = [range];
  for (const hole of holes) {
    pieces = pieces.flatMap(piece => {
      const before = { ...piece, size: Math.min(endOf(piece), hole.base) - piece.base };
      const start = Math.max(piece.base, endOf(hole));
      const after = { ...piece, base: start, size: endOf(piece) - start };
      return [before, after].filter(rest => rest.size > 0);
    });
  }
  return pieces;
}
