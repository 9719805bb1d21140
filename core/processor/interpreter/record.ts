/** A decoded instruction as the interpreter reads it: 32 bytes in linear memory. Slots are offsets into the CPU's block. */
export const record = {
  size: 32,
  /** u16: form id, or one of the interpreter's own handlers above the last form. */
  handler: 0,
  /** u8: instruction length. */
  length: 2,
  /** u8: bits 1:0 log2 scale; bit 2 address needs the slow path (address size not 64, or segment checks); bits 5:3 segment; bits 7:6 address size 0 16, 1 32, 2 64. */
  address: 3,
  /** u16: slot (or number) of register operands: the first two that are no memory, immediate or fixed operand, in operand order. */
  a: 4,
  b: 6,
  /** u16: slots of base, index, segment base; state.zero for none, state.codeBase for RIP-relative (the displacement then includes the next offset). */
  base: 8,
  index: 10,
  segmentBase: 12,
  /** u16: page offset of the instruction. */
  offset: 14,
  /** i64: displacement, or second immediate. For a direct branch: i32 @16 pointer to the target's record if it lies in the same page and is linked, else 0. */
  displacement: 16,
  /** i64: immediate; for a direct branch its target as an offset relative to codeBase. */
  immediate: 24,
} as const;
