/** Exits that both backends deal with alike. */
import { Flag } from '#core';
import { ExitReason, Gpr } from '../abi.ts';
import type { ExitContext, Handler } from './context.ts';
import { applyMask } from './cpuid.ts';
import { Vector } from './exception.ts';
import { validXcr0 } from './xcr0.ts';

export const undefinedInstruction: Handler = context => context.inject(Vector.ud, 0);
export const hostInterrupt: Handler = context => {
  context.preempted = true;
};
/** Guests have no caches of their own to lose. NetBSD's intercepts it too, and gives up. */
export const invd: Handler = context => context.advance();
export const monitor: Handler = context => context.nextInstruction(ExitReason.monitor);
export const mwait: Handler = context => context.nextInstruction(ExitReason.mwait);

export const cpuid: Handler = context => {
  const { vcpu } = context;
  const leaf = context.general(Gpr.rax) >>> 0;
  const override = vcpu.cpuidOverrides.get(leaf);
  if (override ? override.exit : vcpu.everyCpuid) return context.nextInstruction(ExitReason.cpuid);
  const registers = context.guestCpuid(leaf, context.general(Gpr.rcx) >>> 0);
  if (override?.mask) applyMask(override, registers);
  context.setGeneral(Gpr.rax, registers.eax);
  context.setGeneral(Gpr.rbx, registers.ebx);
  context.setGeneral(Gpr.rcx, registers.ecx);
  context.setGeneral(Gpr.rdx, registers.edx);
  context.advance();
};

export const hlt: Handler = context => {
  const { data, exit } = context;
  if (data.interruptWindow && context.flags & Flag.if) context.closeInterruptWindow();
  context.advance();
  // A single-step trap wakes it at once.
  if (!data.eventPending) exit.reason = ExitReason.halted;
};

export const pause: Handler = context => {
  context.advance();
  context.exit.reason = ExitReason.pause;
};

export const xsetbv: Handler = context => {
  const { cpu, data, xcr0Mask } = context;
  const value = (BigInt(context.general(Gpr.rdx) >>> 0) << 32n) | BigInt(context.general(Gpr.rax) >>> 0);
  if (context.general(Gpr.rcx) !== 0 || context.privilege !== 0 || !validXcr0(value, xcr0Mask))
    return context.inject(Vector.gp, 0);
  data.xcr0 = value;
  cpu.xsetbv(value);
  context.advance();
};

/** What an MSR access of the driver's own came to; `timestamp`: it has set the time-stamp counter. */
export type MsrOutcome = 'fault' | 'timestamp' | boolean;

/** `done` false: the emulator's business. */
export function concludeMsr(context: ExitContext, outcome: MsrOutcome, reason: number): void {
  if (outcome === 'fault') context.inject(Vector.gp, 0);
  else if (outcome) context.advance();
  else context.nextInstruction(reason);
  if (outcome === 'timestamp' && context.vcpu.exitOnTimestamp) context.exit.reason = ExitReason.timestampChanged;
}

/** RDMSR's result. */
export function answerMsr(context: ExitContext, low: number, high: number): true {
  context.setGeneral(Gpr.rax, low);
  context.setGeneral(Gpr.rdx, high);
  return true;
}
