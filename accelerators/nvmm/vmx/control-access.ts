/** Exits of MOV to and from control registers (SDM vol. 3, table 28-3). */
import { ExitReason } from '../abi.ts';
import type { Handler } from '../x86/context.ts';
import { Vector } from '../x86/exception.ts';
import type { VmxContext } from './context.ts';
import { cr4Guest, cr4Vmxe, setCr0, syncLongMode, syncPdptes } from './control-register.ts';
import { Field } from './fields.ts';

/** Register and kind of access, as the exit qualification has them in bits 5:0. */
const Access = { writeCr0: 0x00, writeCr4: 0x04, writeCr8: 0x08, readCr8: 0x18 } as const;

function writeCr0(context: VmxContext, value: number, high: number): void {
  const { cpu, data, host, machine } = context;
  const illegal = high !== 0 || (value & 0x8000_0001) === (0x8000_0000 | 0) || (value & 0x6000_0000) === 0x2000_0000;
  const longWithoutPae =
    (value & 0x8000_0000) !== 0 && (cpu.vmread(Field.guestEfer) & 0x100) !== 0 && !(cpu.vmread(Field.guestCr4) & 0x20);
  if (illegal || longWithoutPae) {
    context.inject(Vector.gp, 0);
    return;
  }
  const before = cpu.vmread(Field.guestCr0);
  setCr0(cpu, value);
  if ((before ^ value) & (0x8001_0000 | 0)) data.flushGuest = true;
  syncLongMode(cpu);
  syncPdptes(cpu, host.memory, machine);
  context.advance();
}

function writeCr4(context: VmxContext, value: number, high: number): void {
  const { cpu, data, host, machine } = context;
  if (high !== 0 || value & ~cr4Guest) {
    context.inject(Vector.gp, 0);
    return;
  }
  cpu.vmwrite(Field.guestCr4, value | cr4Vmxe, 0);
  data.flushGuest = true;
  syncPdptes(cpu, host.memory, machine);
  context.advance();
}

function writeCr8(context: VmxContext, value: number, high: number): void {
  const { data, exit } = context;
  if (high !== 0 || value & ~0xf) {
    context.inject(Vector.gp, 0);
    return;
  }
  const changed = data.cr8 !== value;
  data.cr8 = value;
  context.advance();
  if (changed && data.exitOnTpr) exit.reason = ExitReason.tprChanged;
}

export const controlRegister: Handler<VmxContext> = context => {
  const qualification = context.cpu.vmread(Field.exitQualification);
  const register = (qualification >>> 8) & 15;
  switch (qualification & 0x3f) {
    case Access.writeCr0:
      return writeCr0(context, context.registerLow(register), context.registerHigh(register));
    case Access.writeCr4:
      return writeCr4(context, context.registerLow(register), context.registerHigh(register));
    case Access.writeCr8:
      return writeCr8(context, context.registerLow(register), context.registerHigh(register));
    case Access.readCr8:
      context.setRegister(register, context.data.cr8);
      return context.advance();
    default:
      // CLTS and LMSW never touch a bit of the driver's.
      context.inject(Vector.gp, 0);
  }
};
