/**
 * One small function for each #VMEXIT that the driver expects. It either deals with the exit (and leaves `exit.reason` at NONE, to
 * enter again) or describes it for the emulator.
 */
import { ExitReason, Gpr, Prot } from '../abi.ts';
import type { Handler } from '../x86/context.ts';
import { debugException, dr6Fixed, moveDebug } from '../x86/debug.ts';
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
import type { SvmContext } from './context.ts';
import { abandonNmiStep, beginNmiStep, closeInterruptWindow, closeNmiWindow, endNmiStep } from './event.ts';
import { ExitCode } from './intercepts.ts';
import { readMsr, writeMsr } from './msr.ts';
import { endStep } from './vcpu.ts';
import { Clean, Field } from './vmcb.ts';

/**
 * The instruction that was stepped over, IRET, has faulted: on AMD's processors NMIs stay blocked, on Intel's they do not. An intercepted page
 * fault has not written CR2.
 */
const steppedFault: Handler<SvmContext> = context => {
  const { data, exit, host, vmcb } = context;
  abandonNmiStep(data);
  if (host.dialect === 'intel') {
    closeNmiWindow(data);
    exit.reason = ExitReason.nmiReady;
  }
  const vector = vmcb.low(Field.exitCode) - ExitCode.exception;
  if (vector === Vector.pf) {
    vmcb.set(Field.cr2, vmcb.low(Field.exitInfo2), vmcb.high(Field.exitInfo2));
    vmcb.dirty(Clean.cr2);
  }
  context.inject(vector, vmcb.low(Field.exitInfo1));
};

const exceptions = Object.fromEntries(Array.from({ length: 32 }, (_, n) => [ExitCode.exception + n, steppedFault]));

/** BS; and all that DR6 has. */
const singleStep = 0x4000;
const conditionBits = 0xe00f;

/** Of a MOV from or to a debug register EXITINFO1 has the general register (decode assists, section 15.10.4). */
const debugAccesses = Object.fromEntries(
  [...Array(16).keys()].flatMap(register =>
    [false, true].map(write => [
      (write ? ExitCode.writeDebug : ExitCode.readDebug) + register,
      ((context: SvmContext) =>
        moveDebug(context, register, context.vmcb.low(Field.exitInfo1) & 15, write)) satisfies Handler<SvmContext>,
    ]),
  ),
);

const handlers: Readonly<Record<number, Handler<SvmContext>>> = {
  ...exceptions,

  ...debugAccesses,

  [ExitCode.debug]: context => {
    const { data, exit, vmcb } = context;
    const conditions = data.hidden ? vmcb.low(Field.dr6) : 0;
    if (data.hidden) {
      vmcb.setLow(Field.dr6, dr6Fixed);
      vmcb.dirty(Clean.debug);
    }
    if (data.nmiStep === 'none') return debugException(context, conditions);
    const forGuest = data.nmiStep === 'steppingForGuest';
    endNmiStep(data);
    closeNmiWindow(data);
    exit.reason = ExitReason.nmiReady;
    if (data.hidden) {
      const step = forGuest ? 0 : singleStep;
      if (conditions & conditionBits & ~step) debugException(context, conditions & ~step);
    } else if (forGuest) context.inject(Vector.db, 0);
  },

  [ExitCode.intr]: hostInterrupt,
  [ExitCode.nmi]: hostInterrupt,

  [ExitCode.vintr]: ({ data, exit }) => {
    closeInterruptWindow(data);
    exit.reason = ExitReason.interruptReady;
  },

  [ExitCode.iret]: ({ data }) => {
    beginNmiStep(data);
  },

  [ExitCode.cpuid]: cpuid,
  [ExitCode.hlt]: hlt,
  [ExitCode.invd]: invd,
  [ExitCode.pause]: pause,

  [ExitCode.ioio]: ({ exit, vmcb }) => {
    const info = vmcb.low(Field.exitInfo1);
    exit.reason = ExitReason.io;
    exit.in = (info & 1) !== 0;
    exit.str = (info & 4) !== 0;
    exit.rep = (info & 8) !== 0;
    exit.operandSize = (info >>> 4) & 7;
    exit.addressSize = ((info >>> 7) & 7) * 2;
    exit.seg = (info >>> 10) & 7;
    exit.port = info >>> 16;
    exit.npcLow = vmcb.low(Field.exitInfo2);
    exit.npcHigh = vmcb.high(Field.exitInfo2);
  },

  [ExitCode.msr]: context => {
    const { exit, vmcb } = context;
    exit.msr = context.general(Gpr.rcx) >>> 0;
    if (vmcb.low(Field.exitInfo1) === 0) return concludeRdmsr(context, readMsr(context.vcpu, exit.msr));
    exit.valueLow = context.general(Gpr.rax);
    exit.valueHigh = context.general(Gpr.rdx);
    concludeMsr(context, writeMsr(context.vcpu, exit.msr, exit.valueLow, exit.valueHigh), ExitReason.wrmsr);
  },

  [ExitCode.npf]: ({ exit, vmcb }) => {
    const info = vmcb.low(Field.exitInfo1);
    exit.reason = ExitReason.memory;
    exit.prot = info & 2 ? Prot.write : info & 16 ? Prot.execute : Prot.read;
    exit.gpa = (vmcb.high(Field.exitInfo2) >>> 0) * 2 ** 32 + (vmcb.low(Field.exitInfo2) >>> 0);
    exit.instLen = vmcb.byte(Field.fetchedCount) & 15;
    vmcb.bytes(Field.fetchedBytes, exit.instLen, exit.instBytes);
    exit.noteEvent(vmcb.low(Field.exitInterruptInfo), vmcb.high(Field.exitInterruptInfo));
  },

  // A trap: the write has retired. It came before the single-step trap, which is lost with the exit.
  [ExitCode.taskPriorityWritten]: ({ data, exit }) => {
    endStep(data);
    exit.reason = ExitReason.tprChanged;
  },

  [ExitCode.shutdown]: ({ exit }) => {
    exit.reason = ExitReason.shutdown;
  },

  [ExitCode.monitor]: monitor,
  [ExitCode.mwait]: mwait,
  [ExitCode.mwaitArmed]: mwait,
  [ExitCode.xsetbv]: xsetbv,
};

for (const name of [
  'rdpmc',
  'rsm',
  'invlpga',
  'vmrun',
  'vmmcall',
  'vmload',
  'vmsave',
  'stgi',
  'clgi',
  'skinit',
  'rdtscp',
  'rdpru',
  'invlpgb',
  'invlpgbIllegal',
  'invpcid',
  'mcommit',
  'tlbsync',
] as const) {
  (handlers as Record<number, Handler>)[ExitCode[name]] = undefinedInstruction;
}

export function handleExit(context: SvmContext): void {
  const { exit, vmcb } = context;
  const code = vmcb.low(Field.exitCode);
  const handler = vmcb.high(Field.exitCode) === 0 ? handlers[code] : undefined;
  if (handler) {
    handler(context);
    return;
  }
  exit.reason = ExitReason.invalid;
  exit.hwcode = vmcb.high(Field.exitCode) * 2 ** 32 + (code >>> 0);
}
