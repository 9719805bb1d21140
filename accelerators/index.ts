export type { Accelerator, AcceleratorFactory, AcceleratorOptions, AcceleratorTime } from './accelerator.ts';
export type { Exit } from './exit.ts';
export type { Features } from './features.ts';
export {
  type HostBlock,
  type MachineSpecification,
  MapAccess,
  type ProcessorParts,
  type ProtectOptions,
  VirtualMachine,
} from './machine.ts';
export type { ProcessorMode } from './mode.ts';
export { type ExceptionEvent, VirtualProcessor } from './processor.ts';
export type { Pacer, ProcessorBoard } from './processor-board.ts';
export { accelerators } from './registry.ts';
export type { Translation } from './translation.ts';
