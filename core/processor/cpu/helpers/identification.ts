/** CPUID, RDTSC, RDTSCP, RDPMC, RDMSR, WRMSR, RDRAND, RDSEED. */
import { intercepts } from '../../isa/intercepts.ts';
import { state as layout } from '../../state/layout.ts';
import { Leave, Status } from '../../state/leave.ts';
import { Cr4, Gpr, Vector } from '../../state/registers.ts';
import { debugControlMsr } from '../branches.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';
import { guestCpuid } from '../cpuid.ts';
import { MsrAnswer, readMsr, readTimestamp, writeMsr } from '../msr.ts';
import { eferRegister } from '../virtualization.ts';

function setPair({ state }: CpuCore, low: number, high: number): void {
  state.setGpr(Gpr.rax, 32, low, 0);
  state.setGpr(Gpr.rdx, 32, high, 0);
}

function ask(cpu: CpuCore, id: number): void {
  const { state, virtualization } = cpu;
  if (state.guest === 0 || !virtualization) return;
  if (!virtualization.allows(id)) cpu.raise(Vector.ud);
  cpu.stop(virtualization.intercepted(id));
}

export const cpuid: HelperImplementation = cpu => {
  const { model, state, surroundings } = cpu;
  const { eax, ebx, ecx, edx } = guestCpuid(model, state.gprLow(Gpr.rax), state.gprLow(Gpr.rcx), {
    processor: surroundings.processor,
    processors: 1,
    cr4: state.cr4,
    xcr0: state.low(layout.xcr0.offset),
  });
  state.setGpr(Gpr.rax, 32, eax, 0);
  state.setGpr(Gpr.rbx, 32, ebx, 0);
  state.setGpr(Gpr.rcx, 32, ecx, 0);
  state.setGpr(Gpr.rdx, 32, edx, 0);
  return Status.done;
};

function checkTimestamp(cpu: CpuCore): void {
  if ((cpu.state.cr4 & Cr4.tsd) !== 0 && cpu.cpl !== 0) cpu.raise(Vector.gp, 0);
}

export const rdtsc: HelperImplementation = cpu => {
  checkTimestamp(cpu);
  ask(cpu, intercepts.rdtsc);
  readTimestamp(cpu);
  setPair(cpu, cpu.low, cpu.high);
  return Status.done;
};

export const rdtscp: HelperImplementation = cpu => {
  const { state, virtualization } = cpu;
  if (state.guest !== 0 && virtualization && !virtualization.allows(intercepts.rdtscp)) cpu.raise(Vector.ud);
  checkTimestamp(cpu);
  ask(cpu, intercepts.rdtscp);
  readTimestamp(cpu);
  setPair(cpu, cpu.low, cpu.high);
  state.setGpr(Gpr.rcx, 32, state.low(layout.tscAux.offset), 0);
  return Status.done;
};

/** There are no counters: any number is wrong. */
export const rdpmc: HelperImplementation = cpu => {
  if ((cpu.state.cr4 & Cr4.pce) === 0 && cpu.cpl !== 0) cpu.raise(Vector.gp, 0);
  ask(cpu, intercepts.rdpmc);
  return cpu.raise(Vector.gp, 0);
};

/** MSRs that nobody in the CPU knows are the machine's: an exit, or #GP in a guest whose hypervisor let the access through. */
function refer(cpu: CpuCore, index: number, answer: number, write: boolean): Status {
  if (answer === MsrAnswer.done) return Status.done;
  if (answer === MsrAnswer.fault) cpu.raise(Vector.gp, 0);
  cpu.msrIndex = index;
  cpu.msrWrite = write;
  cpu.state.leave = Leave.msr;
  return Status.exit;
}

/** True: the hypervisor wants to know, and the helper returns Status.exit. */
function msrIntercepted(cpu: CpuCore, index: number, write: boolean): boolean {
  const { state, virtualization } = cpu;
  if (state.guest === 0 || !virtualization?.msrIntercepted(index, write)) return false;
  state.leave = Leave.vmexit;
  return true;
}

export const rdmsr: HelperImplementation = cpu => {
  const index = cpu.state.gprLow(Gpr.rcx);
  if (msrIntercepted(cpu, index, false)) return Status.exit;
  const status = refer(cpu, index, readMsr(cpu, index), false);
  if (status !== Status.done) return status;
  setPair(cpu, cpu.low, cpu.high);
  return Status.done;
};

const timestampMsr = 0x10;
const eferMsr = 0xc000_0080;

export const wrmsr: HelperImplementation = cpu => {
  const { state, virtualization } = cpu;
  const index = state.gprLow(Gpr.rcx);
  if (msrIntercepted(cpu, index, true)) return Status.exit;
  cpu.low = state.gprLow(Gpr.rax);
  cpu.high = state.gprLow(Gpr.rdx);
  const status = refer(cpu, index, writeMsr(cpu, index), true);
  if (status !== Status.done) return status;
  if (index >>> 0 === eferMsr && state.guest !== 0 && virtualization?.controlWritten(eferRegister))
    return cpu.leaveAfter(Leave.vmexit);
  if (index === timestampMsr) return cpu.leaveAfter(Leave.timestamp);
  // From here on instructions may have to be looked at one by one.
  return index === debugControlMsr ? cpu.leaveAfter(Leave.events) : cpu.transferred();
};

const random = new Uint8Array(8);

/** Without a source of entropy there is no value, which a program must expect of either instruction. */
export const rdrand: HelperImplementation = cpu => {
  const { state, surroundings } = cpu;
  const { entropy } = surroundings;
  if (!entropy) {
    state.setResult(0, 0, 0);
    state.setResult(1, 0);
    return Status.done;
  }
  entropy.fill(random);
  const width = state.argument(0);
  const low = random[0] | (random[1] << 8) | (random[2] << 16) | (random[3] << 24);
  const high = random[4] | (random[5] << 8) | (random[6] << 16) | (random[7] << 24);
  state.setResult(0, width === 16 ? low & 0xffff : low, width === 64 ? high : 0);
  state.setResult(1, 1);
  return Status.done;
};

export const rdseed = rdrand;
