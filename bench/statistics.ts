/** Of repeated times the least says what the program can do; the median beside it says how quiet the computer was. */
export interface Summary {
  readonly least: number;
  readonly median: number;
}

export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { least: sorted[0], median };
}
