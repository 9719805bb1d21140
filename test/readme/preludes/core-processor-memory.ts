export { PhysicalMemory } from '../../../core/processor/memory/physical-memory.ts';

export const buffer = new ArrayBuffer(0x20_0000);
