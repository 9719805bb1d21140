/** What instructions do with the flags, as the manual's appendix A tells it. */
import { flagBits, statusFlags } from '../machine.ts';
import type { FlagUse } from '../snippet.ts';

const { cf, pf, af, zf, sf, of } = flagBits;

export const all = statusFlags;
export const arithmetic: FlagUse = { writes: all };
export const carrying: FlagUse = { writes: all, reads: cf };
export const counting: FlagUse = { writes: all & ~cf };
export const logic: FlagUse = { writes: all, undefined: af };
export const multiply: FlagUse = { writes: all, undefined: sf | zf | af | pf };
export const divide: FlagUse = { writes: all, undefined: all };
export const bitTest: FlagUse = { writes: cf, undefined: of | sf | af | pf };
export const bitScan: FlagUse = { writes: all, undefined: cf | of | sf | af | pf };
export const bitCount: FlagUse = { writes: all, undefined: of | sf | pf | af };

/** Which flags a condition reads. */
export const conditions: Record<string, number> = {
  ...{ o: of, no: of, b: cf, ae: cf, e: zf, ne: zf, be: cf | zf, a: cf | zf },
  ...{ s: sf, ns: sf, p: pf, np: pf, l: sf | of, ge: sf | of, le: sf | of | zf, g: sf | of | zf },
};
