import type { Helper } from '../helpers.ts';

export const floatHelpers = {} as const satisfies Record<string, Helper>;
