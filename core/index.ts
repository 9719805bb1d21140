export { A20Gate, SwitchableA20Gate } from './bus/a20-gate.ts';
export { Board, type BoardParts } from './bus/board.ts';
export type { Claim } from './bus/claim.ts';
export {
  type ExternalInterrupts,
  type InterruptController,
  InterruptControllers,
} from './bus/interrupt-controller.ts';
export { ControllerSlots } from './bus/interrupt-controllers.ts';
export { drive, InputPin, type InterruptLine, LevelLine } from './bus/interrupt-line.ts';
export {
  DeliveryMode,
  decodeSignal,
  type InterruptMessage,
  InterruptMessages,
  MessageBus,
} from './bus/interrupt-messages.ts';
export { Mmio, type MmioHandler, type MmioSize } from './bus/mmio.ts';
export { MmioBus, type MmioObserver } from './bus/mmio-bus.ts';
export { MsrBus } from './bus/msr-bus.ts';
export { type MsrHandler, Msrs } from './bus/msrs.ts';
export { type PciConnection, type PciEndpoint, PciSlotBoard, PciSlots, pciInterrupts } from './bus/pci-slots.ts';
export { PortBus, type PortObserver } from './bus/port-bus.ts';
export { type BytePortHandler, type PortHandler, type PortRange, type PortSize, Ports } from './bus/ports.ts';
export { Power, type PowerControl } from './bus/power-control.ts';
export { ProcessorSignals } from './bus/processor-signals.ts';
export { type Registers32, registers32 } from './bus/registers32.ts';
export { WireBoard } from './bus/wire-board.ts';
export { Wires } from './bus/wires.ts';
export { detachedCore } from './cpu/assist/detached.ts';
export { type AssistMemory, InstructionAssist } from './cpu/assist/instruction-assist.ts';
export { type DeviceMemory, LiveAssist, largestPiece } from './cpu/assist/live.ts';
export type { CpuCore, HelperImplementation, PortAccessor } from './cpu/core.ts';
export type { Cpu } from './cpu/cpu.ts';
export { guestCpuid } from './cpu/cpuid.ts';
export { Delivery, deliverEvent } from './cpu/exceptions.ts';
export type { CpuExit } from './cpu/exit.ts';
export { helperImplementations } from './cpu/helpers/index.ts';
export { createHost, type Host, type HostOptions } from './cpu/host.ts';
export {
  type CpuidResult,
  type HostComputer,
  type HostCpu,
  HostFault,
  type HostMemory,
  VmxOutcome,
} from './cpu/host-cpu.ts';
export { Leave } from './cpu/leave.ts';
export { type CpuidLeaf, type CpuModel, cpuModel, lookUpLeaf } from './cpu/model.ts';
export { amd, intel, type ModelOptions } from './cpu/models.ts';
export { type Assembled, type AssembleOptions, assemble } from './decode/assembler/assembler.ts';
export {
  type Constructor,
  component,
  componentName,
  componentOrigin,
  setComponentOrigin,
} from './framework/component.ts';
export { createDevice, Device, type DeviceClass, device } from './framework/device.ts';
export { type ErrorCode, type ErrorDetails, errorCodes, MachineError } from './framework/error.ts';
export type { InspectTree, InspectValue } from './framework/inspect.ts';
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
  type OptionSchema,
  Options,
  type OptionsOf,
  OptionType,
  parseOptions,
  port,
  text,
  wire,
} from './framework/options.ts';
export { answering, type Owner, ownerOf } from './framework/owner.ts';
export {
  byteRange,
  copyState,
  damaged,
  longRange,
  requireRanges,
  restoreState,
  type SavedState,
  type StateFields,
  type StateRanges,
  type StateValue,
  timeRange,
  wordRange,
} from './framework/saved-state.ts';
export { Scope } from './framework/scope.ts';
export { type Service, service, servicesOf } from './framework/service.ts';
export { type BlockBackend, BlockError } from './host/block.ts';
export { type ByteStream, MemoryStream, type Receiver } from './host/byte-stream.ts';
export { Entropy, SeededEntropy } from './host/entropy.ts';
export { MemoryDisk } from './host/memory-disk.ts';
export type { NetworkBackend } from './host/network.ts';
export { type Evaluation, type EvaluationMachine, evaluate, MachineFault } from './ir/evaluate.ts';
export { GuestMemory } from './memory/guest-memory.ts';
export { type RamBlock, RamGuestMemory } from './memory/ram-guest-memory.ts';
export { type Range, type RangeEntry, RangeMap } from './memory/range-map.ts';
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
} from './state/cpu-state.ts';
export { readFpuImage, writeFpuImage } from './state/fpu-image.ts';
export { gprOffset, segmentOffset, state as stateLayout } from './state/layout.ts';
export { InterruptShadow, shadowBy } from './state/registers.ts';
export { differences, getState as getCpuState, setState as setCpuState } from './state/snapshot.ts';
export type { StateBlock } from './state/state-block.ts';
export { Clock, type Timer } from './time/clock.ts';
export { nanosecondsOf, ticksIn } from './time/frequency.ts';
export { HostClock } from './time/host-clock.ts';
export {
  type HostTaskResult,
  HostTasks,
  ImmediateHostTasks,
  type ImmediateTaskParts,
  VirtualHostTasks,
} from './time/host-task.ts';
export { ProcessorTimestampOffsets, TimestampOffsets } from './time/timestamp-offsets.ts';
export { type TimeBase, VirtualClock } from './time/virtual-clock.ts';
export { FixedWallClock, WallClock } from './time/wall-clock.ts';
