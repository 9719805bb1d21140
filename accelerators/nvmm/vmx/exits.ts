/**
 * One small function for each VM exit that the driver expects (SDM vol. 3, appendix C). It either deals with the exit (and leaves
 * `exit.reason` at NONE, to enter again) or describes it for the emulator.
 */
import type { HostComputer, HostCpu } from '#core';
import { ExitReason, Gpr, Prot, Seg, type VcpuExit } from '../abi.ts';
import type { DriverMachine } from '../driver/machine.ts';
import { applyMask } from '../x86/cpuid.ts';
import { Vector } from '../x86/exception.ts';
import { validXcr0 } from '../x86/xcr0.ts';
import { cr0Mask, cr4Guest, cr4Vmxe, realCr0, syncLongMode, syncPdptes } from './control-register.ts';
import { guestCpuid } from './cpuid.ts';
import { injectException, setInterruptWindow, setNmiWindow } from './event.ts';
import { ExitReasonCode, Field, Interruptibility, Interruption } from './fields.ts';
import { readMsr, writeMsr } from './msr.ts';
import { advance, type VmxDriverVcpu } from './vcpu.ts';

export interface ExitContext {
  readonly host: HostComputer;
  readonly machine: DriverMachine;
  readonly cpu: HostCpu;
  readonly vcpu: VmxDriverVcpu;
  readonly exit: VcpuExit;
  readonly xcr0Mask: bigint;
  readonly invpcid: boolean;
  preempted: boolean;
}

type Handler = (context: ExitContext) => void;

const interruptFlag = 1 << 9;

const undefinedInstruction: Handler = ({ cpu, vcpu }) => injectException(cpu, vcpu.data, Vector.ud, 0);

/** npc = RIP + length of the instruction that exited. */
const nextInstruction = ({ cpu, exit }: ExitContext, reason: number): void => {
  exit.reason = reason;
  const length = cpu.vmread(Field.exitInstructionLength);
  const low = (cpu.vmread(Field.guestRip) >>> 0) + length;
  exit.npcHigh = low > 0xffff_ffff ? (cpu.vmreadHigh + 1) | 0 : cpu.vmreadHigh;
  exit.npcLow = low | 0;
};

const generalLow = ({ host, cpu, vcpu }: ExitContext, index: number): number =>
  index === Gpr.rsp ? cpu.vmread(Field.guestRsp) : host.memory.words[vcpu.data.gprWord(index)]!;
const generalHigh = ({ host, cpu, vcpu }: ExitContext, index: number): number => {
  if (index !== Gpr.rsp) return host.memory.words[vcpu.data.gprWord(index) + 1]!;
  cpu.vmread(Field.guestRsp);
  return cpu.vmreadHigh;
};
const setGeneral = ({ host, cpu, vcpu }: ExitContext, index: number, low: number): void => {
  if (index === Gpr.rsp) {
    cpu.vmwrite(Field.guestRsp, low, 0);
    return;
  }
  host.memory.words[vcpu.data.gprWord(index)] = low;
  host.memory.words[vcpu.data.gprWord(index) + 1] = 0;
};

function writeCr0(context: ExitContext, value: number, high: number): void {
  const { cpu, vcpu, host, machine } = context;
  const illegal = high !== 0 || (value & 0x8000_0001) === (0x8000_0000 | 0) || (value & 0x6000_0000) === 0x2000_0000;
  const longWithoutPae =
    (value & 0x8000_0000) !== 0 && (cpu.vmread(Field.guestEfer) & 0x100) !== 0 && !(cpu.vmread(Field.guestCr4) & 0x20);
  if (illegal || longWithoutPae) {
    injectException(cpu, vcpu.data, Vector.gp, 0);
    return;
  }
  const before = cpu.vmread(Field.guestCr0);
  cpu.vmwrite(Field.cr0Shadow, value & cr0Mask, 0);
  cpu.vmwrite(Field.guestCr0, realCr0(value), 0);
  if ((before ^ value) & (0x8001_0000 | 0)) vcpu.data.flushGuest = true;
  syncLongMode(cpu);
  syncPdptes(cpu, host.memory, machine);
  advance(cpu, vcpu.data);
}

function writeCr4(context: ExitContext, value: number, high: number): void {
  const { cpu, vcpu, host, machine } = context;
  if (high !== 0 || value & ~cr4Guest) {
    injectException(cpu, vcpu.data, Vector.gp, 0);
    return;
  }
  cpu.vmwrite(Field.guestCr4, value | cr4Vmxe, 0);
  vcpu.data.flushGuest = true;
  syncPdptes(cpu, host.memory, machine);
  advance(cpu, vcpu.data);
}

function writeCr8(context: ExitContext, value: number, high: number): void {
  const { cpu, vcpu, exit } = context;
  const { data } = vcpu;
  if (high !== 0 || value & ~0xf) {
    injectException(cpu, data, Vector.gp, 0);
    return;
  }
  const changed = data.cr8 !== value;
  data.cr8 = value;
  advance(cpu, vcpu.data);
  if (changed && data.exitOnTpr) exit.reason = ExitReason.tprChanged;
}

const controlRegister: Handler = context => {
  const { cpu, vcpu } = context;
  const qualification = cpu.vmread(Field.exitQualification);
  const register = (qualification >>> 8) & 15;
  const what = qualification & 0x3f;
  if (what === 0x00) return writeCr0(context, generalLow(context, register), generalHigh(context, register));
  if (what === 0x04) return writeCr4(context, generalLow(context, register), generalHigh(context, register));
  if (what === 0x08) return writeCr8(context, generalLow(context, register), generalHigh(context, register));
  if (what === 0x18) {
    setGeneral(context, register, vcpu.data.cr8);
    return advance(cpu, vcpu.data);
  }
  // CLTS and LMSW never touch a bit of the driver's.
  injectException(cpu, vcpu.data, Vector.gp, 0);
};

const io: Handler = context => {
  const { cpu, exit } = context;
  const qualification = cpu.vmread(Field.exitQualification);
  exit.in = (qualification & 8) !== 0;
  exit.str = (qualification & 16) !== 0;
  exit.rep = (qualification & 32) !== 0;
  exit.operandSize = (qualification & 7) + 1;
  exit.port = qualification >>> 16;
  exit.seg = -1;
  exit.addressSize = 8;
  if (exit.str) {
    const information = cpu.vmread(Field.exitInstructionInfo);
    exit.addressSize = 2 << ((information >>> 7) & 7);
    exit.seg = exit.in ? Seg.es : (information >>> 15) & 7;
  }
  nextInstruction(context, ExitReason.io);
};

const handlers: Readonly<Record<number, Handler>> = {
  [ExitReasonCode.exception]: context => {
    const info = context.cpu.vmread(Field.exitInterruption);
    if ((info & Interruption.typeMask) === Interruption.nmi) context.preempted = true;
    else invalid(context, ExitReasonCode.exception);
  },

  [ExitReasonCode.externalInterrupt]: context => {
    context.preempted = true;
  },

  [ExitReasonCode.tripleFault]: ({ exit }) => {
    exit.reason = ExitReason.shutdown;
  },

  [ExitReasonCode.interruptWindow]: ({ cpu, vcpu, exit }) => {
    setInterruptWindow(cpu, vcpu.data, false);
    exit.reason = ExitReason.interruptReady;
  },

  [ExitReasonCode.nmiWindow]: ({ cpu, vcpu, exit }) => {
    setNmiWindow(cpu, vcpu.data, false);
    exit.reason = ExitReason.nmiReady;
  },

  [ExitReasonCode.cpuid]: context => {
    const { cpu, vcpu, machine, xcr0Mask, invpcid } = context;
    const leaf = generalLow(context, Gpr.rax) >>> 0;
    const override = vcpu.cpuidOverrides.get(leaf);
    if (override ? override.exit : vcpu.everyCpuid) return nextInstruction(context, ExitReason.cpuid);
    const subleaf = generalLow(context, Gpr.rcx) >>> 0;
    const registers = guestCpuid(leaf, { cpu, vcpu, subleaf, processors: machine.vcpus.size, invpcid, xcr0Mask });
    if (override?.mask) applyMask(override, registers);
    setGeneral(context, Gpr.rax, registers.eax);
    setGeneral(context, Gpr.rbx, registers.ebx);
    setGeneral(context, Gpr.rcx, registers.ecx);
    setGeneral(context, Gpr.rdx, registers.edx);
    advance(cpu, vcpu.data);
  },

  [ExitReasonCode.hlt]: ({ cpu, vcpu, exit }) => {
    const { data } = vcpu;
    if (data.interruptWindow && cpu.vmread(Field.guestRflags) & interruptFlag) setInterruptWindow(cpu, data, false);
    advance(cpu, data);
    // A single-step trap wakes it at once.
    if (!data.eventPending) exit.reason = ExitReason.halted;
  },

  [ExitReasonCode.controlRegister]: controlRegister,
  [ExitReasonCode.io]: io,

  [ExitReasonCode.rdmsr]: context => {
    const { cpu, vcpu, host, exit } = context;
    exit.msr = generalLow(context, Gpr.rcx) >>> 0;
    const read = readMsr(cpu, host.memory.words, vcpu.data, exit.msr);
    if (read === 'fault') return injectException(cpu, vcpu.data, Vector.gp, 0);
    if (read) return advance(cpu, vcpu.data);
    nextInstruction(context, ExitReason.rdmsr);
  },

  [ExitReasonCode.wrmsr]: context => {
    const { cpu, vcpu, exit } = context;
    exit.msr = generalLow(context, Gpr.rcx) >>> 0;
    exit.valueLow = generalLow(context, Gpr.rax);
    exit.valueHigh = generalLow(context, Gpr.rdx);
    const written = writeMsr(cpu, exit.msr, exit.valueLow, exit.valueHigh);
    if (written === 'fault') return injectException(cpu, vcpu.data, Vector.gp, 0);
    if (written) return advance(cpu, vcpu.data);
    nextInstruction(context, ExitReason.wrmsr);
  },

  [ExitReasonCode.mwait]: context => nextInstruction(context, ExitReason.mwait),
  [ExitReasonCode.monitor]: context => nextInstruction(context, ExitReason.monitor),

  [ExitReasonCode.eptViolation]: ({ cpu, exit }) => {
    const qualification = cpu.vmread(Field.exitQualification);
    if (qualification & Interruption.nmiUnblocking) {
      cpu.vmwrite(Field.guestInterruptibility, cpu.vmread(Field.guestInterruptibility) | Interruptibility.nmi);
    }
    exit.reason = ExitReason.memory;
    exit.prot = qualification & 2 ? Prot.write : qualification & 4 ? Prot.execute : Prot.read;
    const low = cpu.vmread(Field.guestPhysicalAddress) >>> 0;
    exit.gpa = (cpu.vmreadHigh >>> 0) * 2 ** 32 + low;
    exit.instLen = 0;
  },

  [ExitReasonCode.xsetbv]: context => {
    const { cpu, vcpu, xcr0Mask } = context;
    const value = (BigInt(generalLow(context, Gpr.rdx) >>> 0) << 32n) | BigInt(generalLow(context, Gpr.rax) >>> 0);
    if (generalLow(context, Gpr.rcx) !== 0 || !validXcr0(value, xcr0Mask))
      return injectException(cpu, vcpu.data, Vector.gp, 0);
    vcpu.data.xcr0 = value;
    cpu.xsetbv(value);
    advance(cpu, vcpu.data);
  },
};

for (const name of [
  'rdpmc',
  'rdtscp',
  'vmcall',
  'vmclear',
  'vmlaunch',
  'vmptrld',
  'vmptrst',
  'vmread',
  'vmresume',
  'vmwrite',
  'vmxoff',
  'vmxon',
  'invept',
  'invvpid',
] as const) {
  (handlers as Record<number, Handler>)[ExitReasonCode[name]] = undefinedInstruction;
}

function invalid({ exit }: ExitContext, code: number): void {
  exit.reason = ExitReason.invalid;
  exit.hwcode = code;
}

export function handleExit(context: ExitContext): void {
  const reason = context.cpu.vmread(Field.exitReason);
  // Bit 31: the entry itself failed; nothing of the guest has run.
  const handler = reason < 0 ? undefined : handlers[reason & 0xffff];
  if (handler) handler(context);
  else invalid(context, reason & 0xffff);
}
