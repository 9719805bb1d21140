/** Handlers that are no instruction; the numbers after them are those of forms in the loop, then of forms with a function. */
export const Handler = {
  /** The page has changed under this record: look it up again. */
  stale: 0,
  /** Not an instruction: execution goes on elsewhere (`gotoRecord`). */
  goto: 1,
  /** Bytes that are no instruction: raises a fault (`undefinedRecord`). */
  undefined: 2,
  /** The head of a compiled block: calls its region (`jittedRecord`). */
  jitted: 3,
  /**
   * An instruction that goes on in the next page: its record is good while that page is still the one it was decoded with (`crossingRecord`).
   * 64-bit mode only.
   */
  crossing: 4,
  first: 5,
} as const;
