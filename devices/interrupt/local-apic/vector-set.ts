/** A set of vectors as the eight 32-bit registers in which IRR, ISR and TMR show it. */
export type VectorSet = number[];

export const emptySet = (): VectorSet => [0, 0, 0, 0, 0, 0, 0, 0];

export const hasVector = (set: VectorSet, vector: number): boolean => (set[vector >> 5] & (1 << (vector & 31))) !== 0;

export const addVector = (set: VectorSet, vector: number): void => {
  set[vector >> 5] |= 1 << (vector & 31);
};

export const removeVector = (set: VectorSet, vector: number): void => {
  set[vector >> 5] &= ~(1 << (vector & 31));
};

/** The highest vector, or -1. */
export const highestVector = (set: VectorSet): number => {
  for (let word = 7; word >= 0; word--) {
    if (set[word]) return word * 32 + 31 - Math.clz32(set[word]);
  }
  return -1;
};
