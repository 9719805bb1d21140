export type { Accelerator, AcceleratorFactory, AcceleratorOptions } from './accelerator.ts';
export type { Breakpoint } from './breakpoint.ts';
export { type PageRun, TrackedPages } from './dirty-pages.ts';
export type { Exit } from './exit.ts';
export type { Features } from './features.ts';
export { instructionAddress } from './instruction-address.ts';
export {
  type AcceleratorParts,
  type DirtyPagesOptions,
  type HostBlock,
  MapAccess,
  type ProtectOptions,
  VirtualMachine,
} from './machine.ts';
export { type Mapping, MemoryMap, type Protection } from './memory-map.ts';
export type { ProcessorMode } from './mode.ts';
export { type ExceptionEvent, type StepOptions, VirtualProcessor } from './processor.ts';
export type { Pacer, ProcessorBoard } from './processor-board.ts';
export { accelerators } from './registry.ts';
export type { MachineSpecification, ProcessorParts } from './specification.ts';
export type { AcceleratorTime } from './time.ts';
export type { Translation } from './translation.ts';
