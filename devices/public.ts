/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The package's `virt64/devices`: what a device is written with (its options, its state, the services that it asks for, disks and byte streams of
 * the host), and the devices that come with virt64.
 */
export {
  A20Gate,
  address,
  type BlockBackend,
  BlockError,
  type BytePortHandler,
  type ByteStream,
  backend,
  boolean,
  byteRange,
  bytes,
  type Claim,
  Clock,
  ComponentName,
  type Constructor,
  choice,
  copyState,
  DefaultedOption,
  DeliveryMode,
  Device,
  type DeviceClass,
  damaged,
  decodeSignal,
  device,
  drive,
  Entropy,
  type ErrorCode,
  type ErrorDetails,
  type ExternalInterrupts,
  errorCodes,
  type GivenOptions,
  GuestMemory,
  type HostTaskResult,
  HostTasks,
  InputPin,
  type InspectTree,
  type InspectValue,
  type InterruptController,
  InterruptControllers,
  type InterruptLine,
  type InterruptMessage,
  InterruptMessages,
  integer,
  LevelLine,
  list,
  longRange,
  lowPage,
  MachineError,
  MemoryDisk,
  MemoryStream,
  Mmio,
  type MmioHandler,
  type MmioSize,
  type MsrHandler,
  Msrs,
  nanosecondsOf,
  type Omissible,
  type OptionSchema,
  Options,
  type OptionsOf,
  OptionType,
  type PciConnection,
  type PciEndpoint,
  PciSlots,
  type PortHandler,
  type PortRange,
  type PortSize,
  Ports,
  Power,
  type PowerControl,
  ProcessorSignals,
  pciInterrupts,
  port,
  type Range,
  type Receiver,
  type Registers32,
  registers32,
  requireRanges,
  restoreState,
  type SavedState,
  type Service,
  type StateFields,
  type StateRange,
  type StateRanges,
  type StateValue,
  type Timer,
  TimestampOffsets,
  text,
  ticksIn,
  timeRange,
  WallClock,
  Wires,
  wire,
  wordRange,
} from '#core';
export { DebugConsole } from './debug/debug-console.ts';
export { DebugExit } from './debug/debug-exit.ts';
export { IoApic } from './interrupt/io-apic.ts';
export { IsaInterrupts } from './interrupt/isa-interrupts.ts';
export { LocalApic } from './interrupt/local-apic/local-apic.ts';
export { Pic } from './interrupt/pic.ts';
export { slot } from './pci/address.ts';
export type { BarForm, BarPorts } from './pci/bar.ts';
export type { Capability } from './pci/capability.ts';
export type { ConfigurationSpace, RegisterForm } from './pci/configuration.ts';
export { type FunctionForm, PciFunction } from './pci/function.ts';
export { PciHost } from './pci/host.ts';
export type { MsiX, MsiXParts } from './pci/msi-x.ts';
export { AcpiPm } from './power/acpi-pm.ts';
export { SystemPort } from './power/system-port.ts';
export { PlatformMsrs } from './processor/platform-msrs.ts';
export { Ps2Controller } from './ps2/controller.ts';
export { IsaSerial } from './serial/isa-serial.ts';
export { Uart16550, type UartPins } from './serial/uart-16550.ts';
export { Hpet } from './timer/hpet.ts';
export { Pit } from './timer/pit.ts';
export { Rtc } from './timer/rtc.ts';
export type { TerminalSize } from './virtio/console.ts';
export type { VirtioModel, VirtioPort } from './virtio/model.ts';
export type { Chain, Segment } from './virtio/queue/chain.ts';
export type { QueueForm, QueueOwner, SplitQueue } from './virtio/queue/split.ts';
export type { VirtioPciParts } from './virtio/transport/pci.ts';
export { VirtioBlock } from './virtio/virtio-block.ts';
export { VirtioConsole } from './virtio/virtio-console.ts';
export { VirtioDevice } from './virtio/virtio-device.ts';
export { VirtioRng } from './virtio/virtio-rng.ts';
