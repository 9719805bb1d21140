import { type Commands, readRegister, writeRegister } from './register-file.ts';
import { Command, ErrorStatus, lvtIgnored, lvtWritable, Register, Spurious } from './registers.ts';
import type { LocalApicUnit } from './unit.ts';

/** The registers as MSRs 0x800 to 0x83f, in x2APIC mode (SDM vol. 3, 12.12). Undefined or false is a general protection fault. */
export function readExtended(unit: LocalApicUnit, register: number): bigint | undefined {
  if (!unit.extended) return undefined;
  if (register === Register.commandLow) {
    return BigInt(unit.state.commandLow >>> 0) | (BigInt(unit.state.commandHigh >>> 0) << 32n);
  }
  const value = readRegister(unit, register);
  return value === undefined ? undefined : BigInt(value >>> 0);
}

export function writeExtended(unit: LocalApicUnit, register: number, value: bigint, commands: Commands): boolean {
  if (!unit.extended) return false;
  const low = Number(BigInt.asUintN(32, value));
  const high = Number(BigInt.asUintN(32, value >> 32n));
  if (register === Register.commandLow) {
    if (low & ~(Command.writable | (1 << 12))) return false;
    unit.state.commandHigh = high;
    return writeRegister(unit, register, low, commands);
  }
  if (high !== 0) return false;
  if (register === Register.selfInterrupt) return sendToSelf(unit, low);
  const writable = writableBits(register);
  if (writable === undefined || (low & ~writable) !== 0) return false;
  return writeRegister(unit, register, low, commands);
}

/** The bits that may be set in a register, or undefined if it cannot be written. */
function writableBits(register: number): number | undefined {
  if (register >= Register.timer && register <= Register.error) {
    return lvtWritable[register - Register.timer] | lvtIgnored;
  }
  switch (register) {
    case Register.taskPriority:
      return 0xff;
    case Register.end:
    case Register.errorStatus:
      return 0;
    case Register.spurious:
      return Spurious.writable;
    case Register.initialCount:
      return -1;
    case Register.divide:
      return 0b1011;
    default:
      return undefined;
  }
}

function sendToSelf(unit: LocalApicUnit, value: number): boolean {
  if (value & ~0xff) return false;
  if (value < 16) unit.fail(ErrorStatus.sendVector);
  unit.accept({ destination: unit.processor, logical: false, mode: 0, vector: value, level: false });
  return true;
}
