import type { Helper } from '../helpers.ts';

export const systemHelpers = {} as const satisfies Record<string, Helper>;
