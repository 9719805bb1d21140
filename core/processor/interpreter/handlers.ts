/** Handlers that are no instruction; the numbers after them are those of forms in the loop, then of forms with a function. */
export const Handler = {
  /** The page has changed under this record: look it up again. */
  stale: 0,
  /** Not an instruction: execution goes on at codeBase + immediate. */
  goto: 1,
  /** Bytes that are no instruction: raises the fault in `a`. */
  undefined: 2,
  /** The head of a compiled block: the table slot of its function is in `jit`. */
  jitted: 3,
  /**
   * An instruction that goes on in the next page: if that one is still at `immediate`, its record is at `displacement`.
   * 64-bit mode only.
   */
  crossing: 4,
  first: 5,
} as const;
