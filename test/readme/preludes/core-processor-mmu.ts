import { PhysicalMemory } from '../../../core/processor/memory/physical-memory.ts';
import { StateBlock } from '../../../core/processor/state/state-block.ts';

export { Mmu } from '../../../core/processor/mmu/mmu.ts';

const buffer = new ArrayBuffer(0x40_0000);
export const physical = new PhysicalMemory(buffer);
physical.map({ base: 0, size: 0x10_0000, offset: 0x2_0000, writable: true });
export const state = new StateBlock(buffer, 0x1_0000);
