/** Exits of MOV to and from control registers (SDM vol. 3, table 28-3). */
import { Cr0, Cr4, Efer, type HostCpu } from '#core';
import { ExitReason } from '../abi.ts';
import type { Handler } from '../x86/context.ts';
import { Vector } from '../x86/exception.ts';
import type { VmxContext } from './context.ts';
import { cr4Guest, setCr0, syncLongMode, syncPdptes } from './control-register.ts';
import { Field } from './fields.ts';

/** Register and kind of access, as the exit qualification has them in bits 5:0. */
const Access = { writeCr0: 0x00, writeCr4: 0x04, writeCr8: 0x08, readCr8: 0x18 } as const;

const cr0Defined = Object.values(Cr0).reduce((mask, bit) => mask | bit, 0);
/** L, in the VMCS's format of access rights. */
const longCode = 1 << 13;

/** What makes MOV CR0 a #GP(0): the processor has left it to us with the whole write. */
function refusesCr0(cpu: HostCpu, before: number, value: number): boolean {
  if ((value & Cr0.pg) !== 0 && (value & Cr0.pe) === 0) return true;
  if ((value & Cr0.nw) !== 0 && (value & Cr0.cd) === 0) return true;
  const cr4 = cpu.vmread(Field.guestCr4);
  const efer = cpu.vmread(Field.guestEfer);
  const inLongCode = (cpu.vmread(Field.guestCsRights) & longCode) !== 0;
  if (value & ~before & Cr0.pg && efer & Efer.lme) return (cr4 & Cr4.pae) === 0 || inLongCode;
  if (before & ~value & Cr0.pg) return ((efer & Efer.lma) !== 0 && inLongCode) || (cr4 & Cr4.pcide) !== 0;
  return false;
}

function writeCr0(context: VmxContext, written: number, high: number): void {
  const { cpu, data, host, machine } = context;
  const before = cpu.vmread(Field.guestCr0);
  const value = written & cr0Defined;
  if (high !== 0 || refusesCr0(cpu, before, value)) {
    context.inject(Vector.gp, 0);
    return;
  }
  setCr0(cpu, value);
  if ((before ^ value) & (Cr0.pg | Cr0.wp)) data.flushGuest = true;
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
  cpu.vmwrite(Field.guestCr4, value | Cr4.vmxe, 0);
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
