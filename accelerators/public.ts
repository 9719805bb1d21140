/// <reference lib="esnext.disposable" preserve="true" />
/** The package's `virt64/accelerators`: what an accelerator must do, and the accelerators that come with virt64. */
export {
  amd,
  type BranchState,
  type ControlState,
  type CpuidCircumstances,
  type CpuidLeaf,
  type CpuidResult,
  type CpuModel,
  type CpuModelParts,
  type CpuState,
  type CpuStateChange,
  cpuModel,
  type DebugState,
  differences,
  type ErrorCode,
  type ErrorDetails,
  errorCodes,
  type GeneralState,
  guestCpuid,
  type InterruptController,
  type InterruptState,
  implementedFeatures,
  intel,
  lookUpLeaf,
  MachineError,
  type ModelOptions,
  type MsrState,
  type SegmentState,
  type SegmentsState,
  type StateComponent,
  stateComponents,
  type TableState,
  type Vendor,
} from '#core';
export type { Accelerator, AcceleratorFactory, AcceleratorOptions } from './accelerator.ts';
export type { Breakpoint } from './breakpoint.ts';
export { type PageRun, TrackedPages } from './dirty-pages.ts';
export type { Exit } from './exit.ts';
export type { Features } from './features.ts';
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
export { initialState, initState, startupState } from './reset-state.ts';
export type { MachineSpecification, ProcessorParts } from './specification.ts';
export type { AcceleratorTime } from './time.ts';
export type { Translation } from './translation.ts';
