/** XCR0 and the XSAVE area (SDM vol. 1, chapter 13). */

export const Xcr0Component = { x87: 1n, sse: 2n, avx: 4n } as const;

/** What a guest's state can hold: x87 and SSE as on NetBSD, and AVX, whose registers are a component of ours. */
export const xcr0Allowed: bigint = Xcr0Component.x87 | Xcr0Component.sse | Xcr0Component.avx;

/** Bytes of a standard-format XSAVE area: legacy region and header, then the upper halves of YMM registers. */
export const xsaveSize = (xcr0: bigint): number => 512 + 64 + (xcr0 & Xcr0Component.avx ? 256 : 0);

/** What XSETBV(0) accepts: AVX does not go without SSE. */
export const validXcr0 = (value: bigint, mask: bigint): boolean =>
  (value & ~mask) === 0n &&
  (value & Xcr0Component.x87) !== 0n &&
  ((value & Xcr0Component.avx) === 0n || (value & Xcr0Component.sse) !== 0n);
