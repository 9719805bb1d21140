export { A20Gate } from './board/bus/a20-gate.ts';
export { Board, type BoardParts } from './board/bus/board.ts';
export type { Claim } from './board/bus/claim.ts';
export {
  type ExternalInterrupts,
  type InterruptController,
  InterruptControllers,
} from './board/bus/interrupt-controller.ts';
export { ControllerSlots } from './board/bus/interrupt-controllers.ts';
export { drive, InputPin, type InterruptLine, LevelLine } from './board/bus/interrupt-line.ts';
export {
  DeliveryMode,
  decodeSignal,
  type InterruptMessage,
  InterruptMessages,
  MessageBus,
} from './board/bus/interrupt-messages.ts';
export { Mmio, type MmioHandler, type MmioSize } from './board/bus/mmio.ts';
export { MmioBus, type MmioObserver } from './board/bus/mmio-bus.ts';
export { MsrBus, type MsrObserver } from './board/bus/msr-bus.ts';
export { type MsrHandler, Msrs } from './board/bus/msrs.ts';
export type { PciEndpoint } from './board/bus/pci-endpoint.ts';
export { type PciConnection, PciSlotBoard, PciSlots, pciInterrupts } from './board/bus/pci-slots.ts';
export { PortBus, type PortObserver } from './board/bus/port-bus.ts';
export { type BytePortHandler, type PortHandler, type PortRange, type PortSize, Ports } from './board/bus/ports.ts';
export { Power, type PowerControl } from './board/bus/power-control.ts';
export { ProcessorSignals } from './board/bus/processor-signals.ts';
export { type Registers32, registers32 } from './board/bus/registers32.ts';
export { WireBoard } from './board/bus/wire-board.ts';
export { Wires } from './board/bus/wires.ts';
export {
  type Constructor,
  component,
  componentName,
  componentOrigin,
  setComponentOrigin,
} from './board/framework/component.ts';
export { createDevice, Device, type DeviceClass, device } from './board/framework/device.ts';
export { type ErrorCode, type ErrorDetails, errorCodes, MachineError } from './board/framework/error.ts';
export type { InspectTree, InspectValue } from './board/framework/inspect.ts';
export { observer, observerName } from './board/framework/observer.ts';
export {
  address,
  backend,
  boolean,
  bytes,
  ComponentName,
  choice,
  DefaultedOption,
  type GivenOptions,
  integer,
  list,
  lowPage,
  type Omissible,
  type OptionSchema,
  Options,
  type OptionsOf,
  OptionType,
  parseOptions,
  port,
  text,
  wire,
} from './board/framework/options.ts';
export { answering, type Owner, ownerOf } from './board/framework/owner.ts';
export {
  byteRange,
  copyState,
  damaged,
  longRange,
  requireRanges,
  restoreState,
  type SavedState,
  type StateFields,
  type StateRange,
  type StateRanges,
  type StateValue,
  timeRange,
  wordRange,
} from './board/framework/saved-state.ts';
export { Scope } from './board/framework/scope.ts';
export { type Service, service, servicesOf } from './board/framework/service.ts';
export { type BlockBackend, BlockError } from './board/host/block.ts';
export { type ByteStream, MemoryStream, type Receiver } from './board/host/byte-stream.ts';
export { Entropy, SeededEntropy } from './board/host/entropy.ts';
export { MemoryDisk } from './board/host/memory-disk.ts';
export { GuestMemory } from './board/memory/guest-memory.ts';
export { type RamBlock, RamGuestMemory } from './board/memory/ram-guest-memory.ts';
export { type Range, type RangeEntry, RangeMap } from './board/memory/range-map.ts';
export { Clock, type Timer } from './board/time/clock.ts';
export { nanosecondsOf, ticksIn } from './board/time/frequency.ts';
export { HostClock } from './board/time/host-clock.ts';
export {
  type HostTaskResult,
  HostTasks,
  ImmediateHostTasks,
  type ImmediateTaskParts,
  VirtualHostTasks,
} from './board/time/host-task.ts';
export { ProcessorTimestampOffsets, TimestampOffsets } from './board/time/timestamp-offsets.ts';
export { type TimeBase, VirtualClock } from './board/time/virtual-clock.ts';
export { FixedWallClock, WallClock } from './board/time/wall-clock.ts';
export { announcedFeatures, implementedFeatures } from './processor/cpu/announced.ts';
export { detachedCore } from './processor/cpu/assist/detached.ts';
export { type AssistMemory, InstructionAssist } from './processor/cpu/assist/instruction-assist.ts';
export { type DeviceMemory, LiveAssist, largestPiece } from './processor/cpu/assist/live.ts';
export { largestOperand, readOperand, writeOperand } from './processor/cpu/assist/operand-bytes.ts';
export type { CpuCore, HelperImplementation, PortAccessor } from './processor/cpu/core.ts';
export type { Cpu } from './processor/cpu/cpu.ts';
export { type CpuidCircumstances, guestCpuid } from './processor/cpu/cpuid.ts';
export { Delivery, deliverEvent } from './processor/cpu/exceptions.ts';
export type { CpuExit } from './processor/cpu/exit.ts';
export { helperImplementations } from './processor/cpu/helpers/index.ts';
export { createHost, type Host, type HostOptions } from './processor/cpu/host.ts';
export {
  type CpuidResult,
  type HostComputer,
  type HostCpu,
  HostFault,
  type HostMemory,
  VmxOutcome,
} from './processor/cpu/host-cpu.ts';
export { type CpuidLeaf, type CpuModel, type CpuModelParts, cpuModel, lookUpLeaf } from './processor/cpu/model.ts';
export { amd, intel, type ModelOptions } from './processor/cpu/models.ts';
export { acceptsMsr } from './processor/cpu/msr.ts';
export { type Assembled, type AssembleOptions, assemble, type Bits } from './processor/decode/assembler/assembler.ts';
export { type ListedInstruction, type ListingOptions, listing } from './processor/decode/listing.ts';
export { type Evaluation, type EvaluationMachine, evaluate, MachineFault } from './processor/evaluator/evaluate.ts';
export type { Vendor } from './processor/isa/form.ts';
export { pageSize } from './processor/memory/page.ts';
export {
  type BranchState,
  type ControlState,
  type CpuState,
  type CpuStateChange,
  type DebugState,
  type GeneralState,
  type InterruptState,
  type MsrState,
  type SegmentState,
  type SegmentsState,
  type StateComponent,
  stateComponents,
  type TableState,
} from './processor/state/cpu-state.ts';
export { readFpuImage, writeFpuImage } from './processor/state/fpu-image.ts';
export { gprOffset, segmentOffset, state as stateLayout, vectorSize, ymmHighOffset } from './processor/state/layout.ts';
export { Leave } from './processor/state/leave.ts';
export {
  Attribute,
  Cr0,
  Cr4,
  Dr6,
  dplOf,
  dr6Fixed,
  dr7Fixed,
  Efer,
  eferPaging,
  Flag,
  hasErrorCode,
  InterruptShadow,
  shadowBy,
  Vector,
} from './processor/state/registers.ts';
export { differences, getState as getCpuState, setState as setCpuState } from './processor/state/snapshot.ts';
export type { StateBlock } from './processor/state/state-block.ts';
