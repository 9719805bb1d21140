/** Facts of exceptions that both backends need when they inject one. */
import { Vector } from '#core';

export { hasErrorCode, Vector } from '#core';

/** Traps and aborts. A fault has RF set in the image that it pushes (SDM vol. 3, section 18.3.1.1). */
const withoutResumeFlag: readonly number[] = [Vector.db, Vector.of, Vector.df, Vector.mc];
const withoutResumeFlagMask = withoutResumeFlag.reduce((mask, vector) => mask | (1 << vector), 0);
export const setsResumeFlag = (vector: number): boolean => ((withoutResumeFlagMask >>> vector) & 1) === 0;

/** What nvmm_vcpu_inject(3) takes as an exception: neither #DE nor NMI nor #BP. */
export const isInjectable = (vector: number): boolean =>
  vector < 32 && vector !== Vector.de && vector !== Vector.nmi && vector !== Vector.bp;
