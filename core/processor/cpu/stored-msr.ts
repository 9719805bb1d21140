/** An MSR that is a field of the state block. */
/** What may be written: anything, canonical addresses, values of 32 bits, nothing, or these bits alone. */
export type WriteRule = 'any' | 'canonical' | 'low' | 'none' | number;

export interface StoredMsr {
  readonly offset: number;
  readonly rule: WriteRule;
}
