import { amd, createHost } from '#core';

export { amd, createHost };

export const state = createHost({ model: amd(), memory: 1 << 20 }).processors[0].getState();
