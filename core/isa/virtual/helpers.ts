import type { Helper } from '../helpers.ts';

export const virtualHelpers = {} as const satisfies Record<string, Helper>;
