/**
 * Helpers of the SVM and VMX instructions (APM vol. 2, chapter 15; SDM vol. 3, chapter 31). They make all of their checks
 * themselves, intercepts included, since order matters: #UD by mode and enabling bit, CPL, intercept, operand.
 */
import type { Helper } from '../helpers.ts';

export const virtualHelpers = {
  // SVM; addresses are rAX masked to the address size.
  vmrun: { inputs: [64], results: [], flags: true, transfers: true },
  vmmcall: { inputs: [], results: [], flags: true, transfers: true },
  vmload: { inputs: [64], results: [], transfers: true },
  vmsave: { inputs: [64], results: [], transfers: true },
  stgi: { inputs: [], results: [], transfers: true },
  clgi: { inputs: [], results: [], transfers: true },
  /** (EAX) */
  skinit: { inputs: [32], results: [], transfers: true },
  /** (linear address, ASID) */
  invlpga: { inputs: [64, 32], results: [], transfers: true },

  // VMX; memory operands are (segment, offset). VMsucceed and VMfail write the arithmetic flags.
  vmcall: { inputs: [], results: [], flags: true, transfers: true },
  vmlaunch: { inputs: [], results: [], flags: true, transfers: true },
  vmresume: { inputs: [], results: [], flags: true, transfers: true },
  vmxoff: { inputs: [], results: [], flags: true, transfers: true },
  vmfunc: { inputs: [], results: [], transfers: true },
  vmxon: { inputs: [32, 64], results: [], flags: true, transfers: true },
  vmptrld: { inputs: [32, 64], results: [], flags: true, transfers: true },
  vmptrst: { inputs: [32, 64], results: [], flags: true, transfers: true },
  vmclear: { inputs: [32, 64], results: [], flags: true, transfers: true },
  /**
   * (field): its value, and the arithmetic flags afterwards in their RFLAGS positions: 0 for VMsucceed; else the destination stays.
   * The instruction writes both.
   */
  vmread: { inputs: [64], results: [64, 32] },
  /** All that VMWRITE checks before it reads an operand in memory. */
  vmwriteAdmitted: { inputs: [], results: [] },
  /** (field, value) */
  vmwrite: { inputs: [64, 64], results: [], flags: true, transfers: true },
  /** (type, segment, offset of the descriptor) */
  invept: { inputs: [64, 32, 64], results: [], flags: true, transfers: true },
  invvpid: { inputs: [64, 32, 64], results: [], flags: true, transfers: true },
} as const satisfies Record<string, Helper>;
