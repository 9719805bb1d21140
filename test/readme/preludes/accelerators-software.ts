import { amd } from '#core';

export { Software } from '../../../accelerators/software/software.ts';

export const cpu = amd();
export const specification = { processors: 1, cpu };
