/** Facts of exceptions that both backends need when they inject one (SDM vol. 3, table 6-1). */
export const Vector = {
  de: 0,
  db: 1,
  nmi: 2,
  bp: 3,
  of: 4,
  br: 5,
  ud: 6,
  nm: 7,
  df: 8,
  ts: 10,
  np: 11,
  ss: 12,
  gp: 13,
  pf: 14,
  mf: 16,
  ac: 17,
  mc: 18,
  xm: 19,
  sx: 30,
} as const;

const withErrorCode = [8, 10, 11, 12, 13, 14, 17, 30].reduce((mask, vector) => mask | (1 << vector), 0);
export const hasErrorCode = (vector: number): boolean => ((withErrorCode >>> vector) & 1) !== 0;

/** RF in the pushed image: for faults, not for traps and aborts. */
const withoutResumeFlag = [1, 4, 8, 18].reduce((mask, vector) => mask | (1 << vector), 0);
export const setsResumeFlag = (vector: number): boolean => ((withoutResumeFlag >>> vector) & 1) === 0;
