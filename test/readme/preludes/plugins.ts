import { Registry } from '#machines';

export { loadPlugin } from '#plugins';

export const registry = new Registry();
