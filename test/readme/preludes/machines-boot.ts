import { RamGuestMemory } from '#core';
import { syntheticKernel } from '../../support/kernel.ts';

export { loadLinux } from '#machines';

export const memory = new RamGuestMemory([{ base: 0, bytes: new Uint8Array(0x400_0000) }]);
export const kernel = syntheticKernel();
export const initrd = new Uint8Array(0x1000);
