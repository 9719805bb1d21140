import type { Helper } from '../helpers.ts';

export const vectorHelpers = {} as const satisfies Record<string, Helper>;
