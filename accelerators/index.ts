export type { Accelerator, AcceleratorFactory, AcceleratorOptions } from './accelerator.ts';
export type { Exit } from './exit.ts';
export type { Features } from './features.ts';
export { type HostBlock, MapAccess, VirtualMachine } from './machine.ts';
export { type ExceptionEvent, VirtualProcessor } from './processor.ts';
export type { Pacer, ProcessorBoard } from './processor-board.ts';
export { accelerators } from './registry.ts';
export type { MachineSpecification, ProcessorParts } from './specification.ts';
export type { AcceleratorTime } from './time.ts';
