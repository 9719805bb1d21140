export type { AcpiOptions, AcpiPci, AcpiSerial } from './acpi/options.ts';
export { type AcpiTables, acpiImage, defaultTables, writeAcpi } from './acpi/tables.ts';
export type {
  BootMode,
  BootRegister,
  BootSegment,
  BootSegmentName,
  BootState,
  BootTable,
  Loaded,
  Placement,
} from './boot/boot-state.ts';
export {
  busyboxInitramfs,
  type InitramfsOptions,
  type KernelModule,
  type KernelModules,
} from './boot/busybox-initramfs.ts';
export { type CpioEntry, cpio } from './boot/cpio.ts';
export { type ElfOptions, loadElf } from './boot/elf.ts';
export { type LinuxOptions, type LoadedLinux, loadLinux } from './boot/linux.ts';
export { type LinuxHeader, parseLinuxHeader } from './boot/linux-header.ts';
export { legacyHole, type MemoryRange, memoryMap, RangeType } from './boot/memory-map.ts';
export { type ImageKind, probe } from './boot/probe.ts';
export { loadRaw, type RawOptions } from './boot/raw.ts';
export type { BootSource } from './boot-source.ts';
export { type BuildOptions, build } from './build.ts';
export type { ObserverClass } from './create-observer.ts';
export type { Debugger, DebuggerOptions, ResumeOptions, StopReason } from './debugger.ts';
export { type Finding, findingOf } from './finding.ts';
export { type GdbConnection, type GdbOptions, type GdbSession, serveGdb } from './gdb/session.ts';
export { guestModel, namedModel, vendors } from './guest-model.ts';
export { hostEntropy, hostWallClock } from './host-sources.ts';
export type { LinearMemory } from './linear-memory.ts';
export { Machine, nanoseconds, type RunOptions } from './machine.ts';
export type { MachineState } from './machine-state.ts';
export {
  type ConsoleEvent,
  type ExitEvent,
  type InterruptEvent,
  type MmioEvent,
  type MsrEvent,
  type ObservedEvent,
  type ObservedKind,
  type Observer,
  type ObserverEvents,
  observedKinds,
  type PortEvent,
  type ResetEvent,
} from './observer.ts';
export type { Outcome } from './outcome.ts';
export type { Activity } from './processor-activity.ts';
export { type DeviceUse, type Profile, type ProfileDifference, type ProfileParts, profile, use } from './profile.ts';
export { microvm } from './profiles/microvm.ts';
export { pc } from './profiles/pc.ts';
export { toyvirt } from './profiles/toyvirt.ts';
export { type Components, Registry } from './registry.ts';
export { type Gate, SerialConsole } from './serial-console.ts';
export { decodeState, encodeState } from './state-bytes.ts';
export { nearest, suggestion } from './suggestion.ts';
export { traceObserver } from './trace.ts';
export { validate } from './validate.ts';
