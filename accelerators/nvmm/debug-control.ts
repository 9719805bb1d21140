import type { Breakpoint } from '../breakpoint.ts';

/** R/W and LEN fields (SDM vol. 3, section 18.2.4). */
const kinds = { code: 0, write: 1, access: 3 } as const;
const lengths = { 1: 0, 2: 1, 4: 3, 8: 2 } as const;

/** DR7 for at most four breakpoints, in DR0 and so on. */
export const debugControl = (list: readonly Breakpoint[]): number =>
  list.reduce(
    (control, { kind, length }, n) =>
      control | (2 << (2 * n)) | ((kinds[kind] | (lengths[length] << 2)) << (16 + 4 * n)),
    0,
  );
