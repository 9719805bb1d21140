/** XCR0 and the XSAVE area (SDM vol. 1, chapter 13). */

/** x87 and SSE: what a guest's state can hold. */
export const xcr0Allowed = 3n;

/** Bytes of a standard-format XSAVE area for x87 and SSE: legacy region and header. */
export const xsaveSize = (_xcr0: bigint): number => 512 + 64;

/** What XSETBV(0) accepts. */
export const validXcr0 = (value: bigint, mask: bigint): boolean => (value & ~mask) === 0n && (value & 1n) === 1n;
