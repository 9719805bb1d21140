/** Guest accesses to control registers under masks and shadows (SDM vol. 3, sections 26.1.3 and 26.3). */
import { state as layout } from '../../state/layout.ts';
import { Cr0, Vector } from '../../state/registers.ts';
import type { Cpu } from '../cpu.ts';
import { ControlAccess } from '../virtualization.ts';
import { cr3Targets } from './capabilities.ts';
import { Primary } from './controls.ts';
import { Field } from './fields.ts';
import type { Vmcs } from './vmcs.ts';

const maskOf = (register: number): number => (register === 0 ? Field.cr0Mask : Field.cr4Mask);
const shadowOf = (register: number): number => (register === 0 ? Field.cr0Shadow : Field.cr4Shadow);

/** True: the access exits. Else the value in (cpu.low, cpu.high) has become what the guest sees, or what is to be loaded. */
export function controlExits(cpu: Cpu, vmcs: Vmcs, primary: number, register: number, access: number): boolean {
  switch (access) {
    case ControlAccess.write:
      return writeExits(cpu, vmcs, primary, register);
    case ControlAccess.read:
      if (register === 3) return (primary & Primary.cr3Store) !== 0;
      if (register === 8) return (primary & Primary.cr8Store) !== 0;
      if (register === 0 || register === 4) showShadow(cpu, vmcs, register);
      return false;
    case ControlAccess.smsw:
      showShadow(cpu, vmcs, 0);
      return false;
    case ControlAccess.clts:
      return cltsExits(cpu, vmcs);
    default:
      return lmswExits(cpu, vmcs);
  }
}

function showShadow(cpu: Cpu, vmcs: Vmcs, register: number): void {
  const mask = vmcs.low(maskOf(register));
  cpu.low = (cpu.low & ~mask) | (vmcs.low(shadowOf(register)) & mask);
  const maskHigh = vmcs.high(maskOf(register));
  cpu.high = (cpu.high & ~maskHigh) | (vmcs.high(shadowOf(register)) & maskHigh);
}

function writeExits(cpu: Cpu, vmcs: Vmcs, primary: number, register: number): boolean {
  switch (register) {
    case 3:
      return (primary & Primary.cr3Load) !== 0 && !isTarget(cpu, vmcs);
    case 8:
      return (primary & Primary.cr8Load) !== 0;
    case 0:
    case 4: {
      const mask = maskOf(register);
      const shadow = shadowOf(register);
      const low = (cpu.low ^ vmcs.low(shadow)) & vmcs.low(mask);
      const high = (cpu.high ^ vmcs.high(shadow)) & vmcs.high(mask);
      if ((low | high) !== 0) return true;
      const real = register === 0 ? layout.cr0.offset : layout.cr4.offset;
      cpu.low = (cpu.low & ~vmcs.low(mask)) | (cpu.state.low(real) & vmcs.low(mask));
      cpu.high &= ~vmcs.high(mask);
      return false;
    }
    default:
      return false;
  }
}

function isTarget(cpu: Cpu, vmcs: Vmcs): boolean {
  const count = Math.min(vmcs.low(Field.cr3TargetCount) >>> 0, cr3Targets);
  for (let n = 0; n < count; n++) {
    const field = Field.cr3Target0 + 2 * n;
    if (vmcs.low(field) === cpu.low && vmcs.high(field) === cpu.high) return true;
  }
  return false;
}

/** Where the host owns TS and the guest believes that it is clear, CLTS does nothing. */
function cltsExits(cpu: Cpu, vmcs: Vmcs): boolean {
  const owned = (vmcs.low(Field.cr0Mask) & Cr0.ts) !== 0;
  if (!owned) return false;
  if ((vmcs.low(Field.cr0Shadow) & Cr0.ts) !== 0) return true;
  cpu.low |= cpu.state.cr0 & Cr0.ts;
  return false;
}

/** LMSW can set PE, but not clear it. The source is the helper's first argument. */
function lmswExits(cpu: Cpu, vmcs: Vmcs): boolean {
  const mask = vmcs.low(Field.cr0Mask);
  const shadow = vmcs.low(Field.cr0Shadow);
  const source = cpu.state.argument(0);
  if ((mask & ~shadow & source & Cr0.pe) !== 0) return true;
  if (((source ^ shadow) & mask & 0xe) !== 0) return true;
  cpu.low = (cpu.low & ~(mask & 0xf)) | (cpu.state.cr0 & mask & 0xf);
  return false;
}

const accessBits = 4;
const generalBits = 8;
const memoryOperand = 1 << 6;

/** Exit qualification (table 28-3). For LMSW `general` is 1 with a memory operand. */
export function controlQualification(cpu: Cpu, register: number, access: number, general: number): number {
  const common = register | (access << accessBits);
  if (access === ControlAccess.lmsw)
    return common | (general !== 0 ? memoryOperand : 0) | ((cpu.state.argument(0) & 0xffff) << 16);
  return access === ControlAccess.clts ? common : common | (general << generalBits);
}

const toRegister = 0;
const fromRegister = 1 << 4;

export const debugQualification = (register: number, write: boolean, general: number): number =>
  register | (write ? toRegister : fromRegister) | (general << generalBits);

/** DR6 conditions as the exit qualification of #DB has them: B0 to B3, BD, BS. */
export const debugConditions = (vector: number, pending: number): number =>
  vector === Vector.db ? pending & 0x600f : 0;
