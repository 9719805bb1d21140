/**
 * A decoded instruction as the interpreter reads it: 32 bytes in linear memory. These are the offsets of its fields, in bytes; slots are offsets into
 * the CPU's block. Records that are no instruction (handlers.ts) have their own names for the same bytes, below.
 */
export const record = {
  size: 32,
  /** u16: form id, or one of the interpreter's own handlers above the last form. */
  handler: 0,
  /** u8: instruction length. */
  length: 2,
  /** u8: bits 1:0 log2 scale; bit 2 address needs the slow path (address size not 64, or segment checks); bits 5:3 segment; bits 7:6 address size 0 16, 1 32, 2 64. */
  address: 3,
  /** u16: slot (or number) of register operands: the first two that are no memory, immediate or fixed operand, in operand order (`recordSlots`). */
  a: 4,
  b: 6,
  /** u16: slots of base, index, segment base; state.zero for none, state.codeBase for RIP-relative (the displacement then includes the next offset). */
  base: 8,
  index: 10,
  segmentBase: 12,
  /** u16: page offset of the instruction. */
  offset: 14,
  /** i64: displacement, or second immediate. */
  displacement: 16,
  displacementHigh: 20,
  /** i64: immediate; for a direct branch its target as an offset relative to codeBase. */
  immediate: 24,
  immediateHigh: 28,
} as const;

/** Where each of up to four register slots is. An instruction with more than two has no more than an 8-bit immediate. */
export const recordSlots: readonly number[] = [record.a, record.b, record.immediateHigh, record.immediateHigh + 2];

/** Of a direct branch: u32, the target's record if that lies in the same page and has been reached before, else 0. */
export const branchRecord = { link: record.displacement } as const;

/** `Handler.goto`: where execution goes on, as an offset relative to codeBase, and that place's record as soon as it is known, else 0. */
export const gotoRecord = { target: record.immediate, link: record.displacement } as const;

/** `Handler.undefined`: u16 vector and i16 error code (-1: none) of the fault. */
export const undefinedRecord = { vector: record.a, error: record.b } as const;

/** `Handler.crossing`: the second page (u32, in linear memory) that the instruction was decoded with, and the instruction's record. */
export const crossingRecord = { nextPage: record.immediate, instruction: record.displacement } as const;

/**
 * `Handler.jitted`: u16 instructions of the block that the region is entered at; u32 copy of the record that was here; u32 slot of the region's
 * function in the table; u32 number of the block in the region.
 */
export const jittedRecord = {
  count: record.a,
  original: record.displacement,
  slot: record.immediate,
  block: record.immediateHigh,
} as const;

/** Index of the word with a field, in linear memory as 32-bit words. */
export const wordOf = (pointer: number, field: number): number => (pointer + field) >>> 2;
