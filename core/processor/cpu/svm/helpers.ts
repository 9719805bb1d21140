/** The instructions of SVM (APM vol. 3; vol. 2, section 15.5 and following), as one processor's SVM performs them. */
import { intercepts } from '../../isa/intercepts.ts';
import { Leave, type Status } from '../../state/leave.ts';
import { Efer, Vector } from '../../state/registers.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';
import type { Svm } from './svm.ts';
import { movesOfSvm } from './switched-state.ts';

type SvmHelperName = 'vmrun' | 'vmmcall' | 'vmload' | 'vmsave' | 'stgi' | 'clgi' | 'skinit' | 'invlpga';

/** #UD without EFER.SVME or outside of protected mode; #GP(0) at CPL > 0. */
function requireSvm(cpu: CpuCore): void {
  if ((cpu.state.efer & Efer.svme) === 0 || !cpu.isProtected) cpu.raise(Vector.ud);
  cpu.requireSupervisor();
}

export function svmInstructions(
  svm: Svm,
  linear: WebAssembly.Memory,
): Readonly<Record<SvmHelperName, HelperImplementation>> {
  const { vmload } = movesOfSvm.over(linear);

  const guard = (cpu: CpuCore, id: number): void => {
    requireSvm(cpu);
    if (cpu.state.guest !== 0) cpu.stop(svm.intercepted(id));
  };

  /** #GP(0) unless rAX names a page of memory: below the limit, but no memory, it cannot hold a VMCB either. */
  const requirePage = (cpu: CpuCore): number => {
    const { state } = cpu;
    const low = state.argument(0);
    const page = (low & 0xfff) === 0 ? svm.locate(low, state.argumentHigh(0)) : 0;
    if (page === 0) cpu.raise(Vector.gp, 0);
    return page;
  };

  const setGlobalInterrupts = (cpu: CpuCore, id: number, enabled: boolean): Status => {
    guard(cpu, id);
    svm.setGlobalInterrupts(enabled);
    // What was held back may come now.
    return enabled ? cpu.leaveAfter(Leave.events) : cpu.transferred();
  };

  return {
    vmrun(cpu) {
      guard(cpu, intercepts.vmrun);
      requirePage(cpu);
      svm.enter(cpu.state.argument(0), cpu.state.argumentHigh(0));
      return cpu.leaveAfter(Leave.world);
    },

    vmload(cpu) {
      guard(cpu, intercepts.vmload);
      const page = requirePage(cpu);
      vmload.load(cpu.state.base, page);
      return cpu.transferred();
    },

    vmsave(cpu) {
      guard(cpu, intercepts.vmsave);
      const page = requirePage(cpu);
      vmload.store(cpu.state.base, page);
      return cpu.transferred();
    },

    stgi: cpu => setGlobalInterrupts(cpu, intercepts.stgi, true),
    clgi: cpu => setGlobalInterrupts(cpu, intercepts.clgi, false),

    /** Secure startup is not there; a hypervisor that intercepts it may say so itself. */
    skinit(cpu) {
      guard(cpu, intercepts.skinit);
      return cpu.raise(Vector.ud);
    },

    invlpga(cpu) {
      requireSvm(cpu);
      const { state } = cpu;
      const low = state.argument(0);
      const high = state.argumentHigh(0);
      if (state.guest !== 0) cpu.stop(svm.addressIntercepted(intercepts.invlpga, 0, low, high, low, high));
      cpu.translation.invalidatePage(low, high);
      return cpu.transferred();
    },

    /** For guests only, at any privilege; everywhere else there is nobody to call. */
    vmmcall(cpu) {
      if (cpu.state.guest !== 0) cpu.stop(svm.intercepted(intercepts.vmmcall));
      return cpu.raise(Vector.ud);
    },
  };
}
