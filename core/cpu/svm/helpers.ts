/** The instructions of SVM (APM vol. 3; vol. 2, section 15.5 and following). */
import { intercepts } from '../../isa/intercepts.ts';
import type { virtualHelpers } from '../../isa/virtual/helpers.ts';
import { Efer, Vector } from '../../state/registers.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';
import { Leave, type Status } from '../leave.ts';
import { Svm } from './svm.ts';
import { byVmload, tidyVmloaded } from './switched-state.ts';

type SvmHelperName = 'vmrun' | 'vmmcall' | 'vmload' | 'vmsave' | 'stgi' | 'clgi' | 'skinit' | 'invlpga';

/** #UD without EFER.SVME or outside of protected mode; #GP(0) at CPL > 0; then the intercept. */
function guard(cpu: CpuCore, id: number): Svm {
  const { state, virtualization } = cpu;
  if (!(virtualization instanceof Svm) || (state.efer & Efer.svme) === 0 || !cpu.isProtected) cpu.raise(Vector.ud);
  cpu.requireSupervisor();
  if (state.guest !== 0) cpu.stop(virtualization.intercepted(id));
  return virtualization;
}

/** #GP(0) unless rAX names a page of memory. What is below the limit but no memory cannot hold a VMCB either. */
function requireVmcb(cpu: CpuCore, svm: Svm): number {
  const { state } = cpu;
  const low = state.argument(0);
  const page = (low & 0xfff) === 0 ? svm.locate(low, state.argumentHigh(0)) : 0;
  if (page === 0) cpu.raise(Vector.gp, 0);
  return page;
}

const vmrun: HelperImplementation = cpu => {
  const svm = guard(cpu, intercepts.vmrun);
  requireVmcb(cpu, svm);
  svm.enter(cpu.state.argument(0), cpu.state.argumentHigh(0));
  return cpu.leaveAfter(Leave.world);
};

const vmload: HelperImplementation = cpu => {
  const svm = guard(cpu, intercepts.vmload);
  const page = requireVmcb(cpu, svm);
  byVmload.load(svm.words, page >>> 2, cpu.state);
  tidyVmloaded(cpu.state);
  return cpu.transferred();
};

const vmsave: HelperImplementation = cpu => {
  const svm = guard(cpu, intercepts.vmsave);
  const page = requireVmcb(cpu, svm);
  byVmload.store(svm.words, page >>> 2, cpu.state);
  return cpu.transferred();
};

const stgi: HelperImplementation = cpu => setGlobalInterrupts(cpu, intercepts.stgi, true);
const clgi: HelperImplementation = cpu => setGlobalInterrupts(cpu, intercepts.clgi, false);

function setGlobalInterrupts(cpu: CpuCore, id: number, enabled: boolean): Status {
  guard(cpu, id).setGlobalInterrupts(enabled);
  // Whatever was held back may come now.
  return enabled ? cpu.leaveAfter(Leave.events) : cpu.transferred();
}

/** Secure startup is not there; a hypervisor that intercepts it may say so itself. */
const skinit: HelperImplementation = cpu => {
  guard(cpu, intercepts.skinit);
  return cpu.raise(Vector.ud);
};

const invlpga: HelperImplementation = cpu => {
  const { state, virtualization } = cpu;
  if (!(virtualization instanceof Svm) || (state.efer & Efer.svme) === 0 || !cpu.isProtected) cpu.raise(Vector.ud);
  cpu.requireSupervisor();
  const low = state.argument(0);
  const high = state.argumentHigh(0);
  if (state.guest !== 0) cpu.stop(virtualization.addressIntercepted(intercepts.invlpga, 0, low, high, low, high));
  cpu.translation.invalidatePage(low, high);
  return cpu.transferred();
};

/** For guests only, at any privilege; everywhere else there is nobody to call. */
const vmmcall: HelperImplementation = cpu => {
  const { state, virtualization } = cpu;
  if (state.guest !== 0 && virtualization instanceof Svm) cpu.stop(virtualization.intercepted(intercepts.vmmcall));
  return cpu.raise(Vector.ud);
};

export const svmHelperImplementations = {
  vmrun,
  vmmcall,
  vmload,
  vmsave,
  stgi,
  clgi,
  skinit,
  invlpga,
} as const satisfies Record<SvmHelperName & keyof typeof virtualHelpers, HelperImplementation>;
