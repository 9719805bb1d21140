/** What virtual machines and their processors are created with. */
import type { CpuModel } from '#core';
import type { Features } from './features.ts';
import type { MemoryMap } from './memory-map.ts';
import type { ProcessorBoard } from './processor-board.ts';
import type { AcceleratorTime } from './time.ts';

/** What a virtual machine is. Its memory is there once it is created; its processors come with the board that they meet. */
export interface MachineSpecification {
  readonly processors: number;
  /** The guest's CPU, the same on every accelerator. */
  readonly cpu: CpuModel;
}

/** What a processor is created with. */
export interface ProcessorParts {
  readonly specification: MachineSpecification;
  readonly board: ProcessorBoard;
  readonly memory: MemoryMap;
  readonly time: AcceleratorTime;
  readonly features: Features;
}
