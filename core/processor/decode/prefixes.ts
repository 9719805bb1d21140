/** Legacy and REX prefixes (SDM vol. 2, section 2.1.1; APM vol. 3, section 1.2). */

/** Bits of `Decoded.prefixes`. Of F2 and F3 only the last one seen is set. */
export const Prefix = { operandSize: 1, addressSize: 2, repe: 4, repne: 8, lock: 16, segment: 32 } as const;

/** What a byte is before the opcode: 0 the opcode, a Prefix bit, or `rexKind`; the second half of the table is for 64-bit mode. */
export const rexKind = 64;
export const prefixKinds: Uint8Array = new Uint8Array(512);
for (const half of [0, 256]) {
  prefixKinds[half + 0x66] = Prefix.operandSize;
  prefixKinds[half + 0x67] = Prefix.addressSize;
  prefixKinds[half + 0xf3] = Prefix.repe;
  prefixKinds[half + 0xf2] = Prefix.repne;
  prefixKinds[half + 0xf0] = Prefix.lock;
  for (const override of [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]) prefixKinds[half + override] = Prefix.segment;
}
prefixKinds.fill(rexKind, 256 + 0x40, 256 + 0x50);

/** Segment number (core/processor/state/layout.ts) that an override byte names. */
export const overrideSegment = (byte: number): number => (byte >= 0x64 ? byte - 0x60 : (byte >> 3) & 3);
