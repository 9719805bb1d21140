/**
 * One small function for each VM exit that the driver expects (SDM vol. 3, appendix C). It either deals with the exit (and leaves
 * `exit.reason` at NONE, to enter again) or describes it for the emulator.
 */
import { ExitReason, Gpr, Prot, Seg } from '../abi.ts';
import type { Handler } from '../x86/context.ts';
import { debugException, moveDebug } from '../x86/debug.ts';
import { Vector } from '../x86/exception.ts';
import {
  concludeMsr,
  concludeRdmsr,
  cpuid,
  hlt,
  hostInterrupt,
  invd,
  monitor,
  mwait,
  pause,
  undefinedInstruction,
  xsetbv,
} from '../x86/exits.ts';
import type { VmxContext } from './context.ts';
import { controlRegister } from './control-access.ts';
import { setInterruptWindow, setNmiWindow } from './event.ts';
import { ExitReasonCode, Field, Interruptibility, Interruption } from './fields.ts';
import { readMsr, writeMsr } from './msr.ts';

const io: Handler<VmxContext> = context => {
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
  context.nextInstruction(ExitReason.io);
};

const handlers: Readonly<Record<number, Handler<VmxContext>>> = {
  [ExitReasonCode.exception]: context => {
    const info = context.cpu.vmread(Field.exitInterruption);
    if ((info & Interruption.typeMask) === Interruption.nmi) return hostInterrupt(context);
    if ((info & Interruption.vector) === Vector.db) {
      debugException(context, context.cpu.vmread(Field.exitQualification));
    } else if ((info & Interruption.vector) === Vector.mf) {
      context.exit.instLen = 0;
      context.exit.reason = ExitReason.numericError;
    } else invalid(context, ExitReasonCode.exception);
  },

  [ExitReasonCode.externalInterrupt]: hostInterrupt,

  [ExitReasonCode.tripleFault]: ({ exit }) => {
    exit.reason = ExitReason.shutdown;
  },

  [ExitReasonCode.interruptWindow]: ({ cpu, data, exit }) => {
    setInterruptWindow(cpu, data, false);
    exit.reason = ExitReason.interruptReady;
  },

  [ExitReasonCode.nmiWindow]: ({ cpu, data, exit }) => {
    setNmiWindow(cpu, data, false);
    exit.reason = ExitReason.nmiReady;
  },

  [ExitReasonCode.cpuid]: cpuid,
  [ExitReasonCode.hlt]: hlt,
  [ExitReasonCode.invd]: invd,
  [ExitReasonCode.controlRegister]: controlRegister,
  [ExitReasonCode.debugRegister]: context => {
    const qualification = context.cpu.vmread(Field.exitQualification);
    moveDebug(context, qualification & 7, (qualification >>> 8) & 15, (qualification & 16) === 0);
  },
  [ExitReasonCode.io]: io,

  [ExitReasonCode.rdmsr]: context => {
    const { exit } = context;
    exit.msr = context.general(Gpr.rcx) >>> 0;
    concludeRdmsr(context, readMsr(context.vcpu, exit.msr));
  },

  [ExitReasonCode.wrmsr]: context => {
    const { exit } = context;
    exit.msr = context.general(Gpr.rcx) >>> 0;
    exit.valueLow = context.general(Gpr.rax);
    exit.valueHigh = context.general(Gpr.rdx);
    concludeMsr(context, writeMsr(context.vcpu, exit.msr, exit.valueLow, exit.valueHigh), ExitReason.wrmsr);
  },

  [ExitReasonCode.mwait]: mwait,
  [ExitReasonCode.monitor]: monitor,
  [ExitReasonCode.pause]: pause,

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
    exit.noteEvent(cpu.vmread(Field.vectoringInfo), cpu.vmread(Field.vectoringErrorCode));
  },

  [ExitReasonCode.xsetbv]: xsetbv,
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

function invalid({ exit }: VmxContext, code: number): void {
  exit.reason = ExitReason.invalid;
  exit.hwcode = code;
}

/** `reason`: as the VMCS has it; with bit 31 the entry itself failed, and nothing of the guest has run. */
export function handleExit(context: VmxContext, reason: number): void {
  const handler = reason < 0 ? undefined : handlers[reason & 0xffff];
  if (handler) handler(context);
  else invalid(context, reason & 0xffff);
}
