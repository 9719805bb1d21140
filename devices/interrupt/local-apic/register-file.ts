import { Command, Lvt, lvtWritable, Register, Spurious, versionRegister } from './registers.ts';
import type { LocalApicUnit } from './unit.ts';

/** What the registers reach beyond their own unit. */
export interface Commands {
  /** The interrupt command register was written. */
  send(unit: LocalApicUnit): void;
}

/** Reads a register by number; undefined if there is none, or it cannot be read in this mode. */
export function readRegister(unit: LocalApicUnit, register: number): number | undefined {
  const { state } = unit;
  if (register >= Register.inService && register < Register.inService + 24) {
    const set = [state.inService, state.triggered, state.requested][(register - Register.inService) >> 3];
    return set[register & 7] >>> 0;
  }
  if (register > Register.timer && register <= Register.error) return state.lvt[register - Register.timer];
  switch (register) {
    case Register.id:
      return unit.extended ? unit.processor : (unit.processor << 24) >>> 0;
    case Register.version:
      return versionRegister;
    case Register.taskPriority:
      return state.taskPriority;
    case Register.arbitrationPriority:
      return unit.extended ? undefined : unit.processorPriority;
    case Register.processorPriority:
      return unit.processorPriority;
    case Register.end:
    case Register.selfInterrupt:
      return unit.extended ? undefined : 0;
    case Register.logicalDestination:
      if (unit.extended) return (((unit.processor >>> 4) << 16) | (1 << (unit.processor & 15))) >>> 0;
      return state.logicalDestination;
    case Register.destinationFormat:
      return unit.extended ? undefined : state.destinationFormat;
    case Register.spurious:
      return state.spurious;
    case Register.errorStatus:
      return state.errorStatus;
    case Register.commandLow:
      return state.commandLow;
    case Register.commandHigh:
      return unit.extended ? undefined : state.commandHigh;
    case Register.timer:
      return unit.timer.entry;
    case Register.initialCount:
      return unit.timer.initialCount;
    case Register.currentCount:
      return unit.timer.currentCount;
    case Register.divide:
      return unit.timer.divide;
    default:
      return undefined;
  }
}

/** Writes a register, ignoring what is reserved or read-only. False if there is no such register. */
export function writeRegister(unit: LocalApicUnit, register: number, value: number, commands: Commands): boolean {
  const { state } = unit;
  if (register >= Register.timer && register <= Register.error) {
    writeEntry(unit, register, value);
    return true;
  }
  switch (register) {
    case Register.taskPriority:
      state.taskPriority = value & 0xff;
      unit.update();
      return true;
    case Register.end:
      unit.end();
      return true;
    case Register.logicalDestination:
      state.logicalDestination = (value & 0xff00_0000) >>> 0;
      return true;
    case Register.destinationFormat:
      state.destinationFormat = (value | 0x0fff_ffff) >>> 0;
      return true;
    case Register.spurious:
      // The timer first gives what was due while the APIC was enabled.
      if (!(value & Spurious.enabled)) maskEntries(unit);
      state.spurious = value & Spurious.writable;
      return true;
    case Register.errorStatus:
      state.errorStatus = state.errors;
      state.errors = 0;
      return true;
    case Register.commandLow:
      state.commandLow = value & Command.writable;
      commands.send(unit);
      return true;
    case Register.commandHigh:
      state.commandHigh = (value & 0xff00_0000) >>> 0;
      return true;
    case Register.initialCount:
      unit.timer.initialCount = value;
      return true;
    case Register.divide:
      unit.timer.divide = value;
      return true;
    default:
      return readRegister(unit, register) !== undefined && register !== Register.selfInterrupt;
  }
}

function writeEntry(unit: LocalApicUnit, register: number, value: number): void {
  const masked = unit.softwareEnabled ? 0 : Lvt.masked;
  const entry = (value & lvtWritable[register - Register.timer]) | masked;
  if (register === Register.timer) {
    unit.timer.entry = entry;
    return;
  }
  unit.state.lvt[register - Register.timer] = entry;
  // An entry for which the PIC already waits takes effect at once.
  if (register === Register.lint0 && unit.pending) unit.onChange?.();
}

/** Software disablement masks all local vectors (12.4.7.2). */
function maskEntries(unit: LocalApicUnit): void {
  const { lvt } = unit.state;
  for (let index = 1; index < lvt.length; index++) lvt[index] |= Lvt.masked;
  unit.timer.entry |= Lvt.masked;
}
