/**
 * One small function for each #VMEXIT that the driver expects. It either deals with the exit (and leaves `exit.reason` at NONE, to
 * enter again) or describes it for the emulator.
 */
import type { HostComputer, HostCpu } from '#core';
import { ExitReason, Prot, type VcpuExit } from '../abi.ts';
import { applyMask } from '../x86/cpuid.ts';
import { Vector } from '../x86/exception.ts';
import { validXcr0 } from '../x86/xcr0.ts';
import { guestCpuid } from './cpuid.ts';
import { beginNmiStep, closeInterruptWindow, closeNmiWindow, endNmiStep, injectException } from './event.ts';
import { ExitCode } from './intercepts.ts';
import { readMsr, writeMsr } from './msr.ts';
import { advance, type SvmDriverVcpu } from './vcpu.ts';
import { Field } from './vmcb.ts';

export interface ExitContext {
  readonly host: HostComputer;
  readonly cpu: HostCpu;
  readonly vcpu: SvmDriverVcpu;
  readonly exit: VcpuExit;
  readonly xcr0Mask: bigint;
  /** Set by a handler: the host has something to do (an interrupt was taken), leave the inner loop. */
  preempted: boolean;
}

type Handler = (context: ExitContext) => void;

const interruptFlag = 1 << 9;

const undefinedInstruction: Handler = ({ vcpu }) => injectException(vcpu.data, Vector.ud, 0);

const hostInterrupt: Handler = context => {
  context.preempted = true;
};

const nextInstruction = ({ vcpu, exit }: ExitContext, reason: number): void => {
  exit.reason = reason;
  exit.npcLow = vcpu.data.vmcb.low(Field.nextRip);
  exit.npcHigh = vcpu.data.vmcb.high(Field.nextRip);
};

const handlers: Readonly<Record<number, Handler>> = {
  [ExitCode.intr]: hostInterrupt,
  [ExitCode.nmi]: hostInterrupt,

  [ExitCode.vintr]: ({ vcpu, exit }) => {
    closeInterruptWindow(vcpu.data);
    exit.reason = ExitReason.interruptReady;
  },

  [ExitCode.iret]: ({ vcpu }) => {
    beginNmiStep(vcpu.data);
  },

  [ExitCode.debug]: ({ vcpu, exit }) => {
    const forGuest = vcpu.data.nmiStep === 'steppingForGuest';
    endNmiStep(vcpu.data);
    closeNmiWindow(vcpu.data);
    if (forGuest) injectException(vcpu.data, Vector.db, 0);
    exit.reason = ExitReason.nmiReady;
  },

  [ExitCode.cpuid]: context => {
    const { cpu, vcpu, xcr0Mask } = context;
    const { data } = vcpu;
    const leaf = data.vmcb.low(Field.rax) >>> 0;
    const override = vcpu.cpuidOverrides.get(leaf);
    if (override ? override.exit : vcpu.everyCpuid) return nextInstruction(context, ExitReason.cpuid);
    const words = context.host.memory.words;
    const registers = guestCpuid(cpu, vcpu, leaf, words[data.gprWord(1)]! >>> 0, xcr0Mask);
    if (override?.mask) applyMask(override, registers);
    data.vmcb.set(Field.rax, registers.eax, 0);
    const set = (index: number, value: number): void => {
      words[data.gprWord(index)] = value;
      words[data.gprWord(index) + 1] = 0;
    };
    set(1, registers.ecx);
    set(2, registers.edx);
    set(3, registers.ebx);
    advance(cpu, data);
  },

  [ExitCode.hlt]: ({ cpu, vcpu, exit }) => {
    const { data } = vcpu;
    if (data.interruptWindow && data.vmcb.low(Field.rflags) & interruptFlag) closeInterruptWindow(data);
    advance(cpu, data);
    // A single-step trap wakes it at once.
    if (!data.eventPending) exit.reason = ExitReason.halted;
  },

  [ExitCode.ioio]: ({ vcpu, exit }) => {
    const { vmcb } = vcpu.data;
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
    const { cpu, vcpu, exit } = context;
    const { data } = vcpu;
    const words = context.host.memory.words;
    exit.msr = words[data.gprWord(1)]! >>> 0;
    if (data.vmcb.low(Field.exitInfo1) === 0) {
      if (readMsr(words, data, exit.msr)) return advance(cpu, data);
      return nextInstruction(context, ExitReason.rdmsr);
    }
    exit.valueLow = data.vmcb.low(Field.rax);
    exit.valueHigh = words[data.gprWord(2)]!;
    const written = writeMsr(cpu, data, exit.msr, exit.valueLow, exit.valueHigh);
    if (written === 'fault') return injectException(data, Vector.gp, 0);
    if (written) return advance(cpu, data);
    nextInstruction(context, ExitReason.wrmsr);
  },

  [ExitCode.npf]: ({ vcpu, exit }) => {
    const { vmcb } = vcpu.data;
    const info = vmcb.low(Field.exitInfo1);
    exit.reason = ExitReason.memory;
    exit.prot = info & 2 ? Prot.write : info & 16 ? Prot.execute : Prot.read;
    exit.gpa = (vmcb.high(Field.exitInfo2) >>> 0) * 2 ** 32 + (vmcb.low(Field.exitInfo2) >>> 0);
    exit.instLen = vmcb.byte(Field.fetchedCount) & 15;
    vmcb.bytes(Field.fetchedBytes, exit.instLen, exit.instBytes);
  },

  // A trap: the write has retired.
  [ExitCode.taskPriorityWritten]: ({ exit }) => {
    exit.reason = ExitReason.tprChanged;
  },

  [ExitCode.shutdown]: ({ exit }) => {
    exit.reason = ExitReason.shutdown;
  },

  [ExitCode.monitor]: context => nextInstruction(context, ExitReason.monitor),
  [ExitCode.mwait]: context => nextInstruction(context, ExitReason.mwait),
  [ExitCode.mwaitArmed]: context => nextInstruction(context, ExitReason.mwait),

  [ExitCode.xsetbv]: ({ host, cpu, vcpu, xcr0Mask }) => {
    const { data } = vcpu;
    const { words } = host.memory;
    const value = (BigInt(words[data.gprWord(2)]! >>> 0) << 32n) | BigInt(data.vmcb.low(Field.rax) >>> 0);
    if (words[data.gprWord(1)] !== 0 || data.vmcb.byte(Field.cpl) !== 0 || !validXcr0(value, xcr0Mask)) {
      return injectException(data, Vector.gp, 0);
    }
    data.xcr0 = value;
    cpu.xsetbv(value);
    advance(cpu, data);
  },
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

export function handleExit(context: ExitContext): void {
  const { vmcb } = context.vcpu.data;
  const code = vmcb.low(Field.exitCode);
  const handler = vmcb.high(Field.exitCode) === 0 ? handlers[code] : undefined;
  if (handler) {
    handler(context);
    return;
  }
  context.exit.reason = ExitReason.invalid;
  context.exit.hwcode = vmcb.high(Field.exitCode) * 2 ** 32 + (code >>> 0);
}
