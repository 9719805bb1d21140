/** MSRs of SVM: VM_CR, IGNNE and VM_HSAVE_PA (APM vol. 2, section 15.30). */
import { Efer } from '../../state/registers.ts';
import type { SvmState } from './svm-state.ts';

const Msr = { vmCr: 0xc001_0114 | 0, ignne: 0xc001_0115 | 0, hostSave: 0xc001_0117 | 0 } as const;
export const VmCr = { lock: 1 << 3, disable: 1 << 4 } as const;
const vmCrKnown = 0x1f;

export class SvmMsrs {
  /** The last access was to an MSR of ours, and wrong. */
  fault = false;
  readonly #svm: SvmState;

  constructor(svm: SvmState) {
    this.#svm = svm;
  }

  read(index: number): boolean {
    const svm = this.#svm;
    const { cpu } = svm;
    this.fault = false;
    cpu.high = 0;
    switch (index | 0) {
      case Msr.vmCr:
        cpu.low = svm.vmCr;
        return true;
      case Msr.ignne:
        cpu.low = svm.ignne;
        return true;
      case Msr.hostSave:
        cpu.low = svm.hostSaveLow;
        cpu.high = svm.hostSaveHigh;
        return true;
      default:
        return false;
    }
  }

  write(index: number): boolean {
    const svm = this.#svm;
    const { low, high, model } = svm.cpu;
    this.fault = false;
    switch (index | 0) {
      case Msr.vmCr:
        if (high !== 0 || (low & ~vmCrKnown) !== 0) return this.#refuse();
        return this.#writeVmCr(low);
      case Msr.ignne:
        if (high !== 0 || (low & ~1) !== 0) return this.#refuse();
        svm.ignne = low;
        return true;
      case Msr.hostSave:
        if ((low & 0xfff) !== 0 || high >>> 0 >= 2 ** (model.physicalBits - 32)) return this.#refuse();
        svm.hostSaveLow = low;
        svm.hostSaveHigh = high;
        return true;
      default:
        return false;
    }
  }

  /** Once locked, LOCK and SVMDIS stay as they are. */
  #writeVmCr(value: number): boolean {
    const svm = this.#svm;
    const fixed = (svm.vmCr & VmCr.lock) !== 0 ? VmCr.lock | VmCr.disable : 0;
    const next = (value & ~fixed) | (svm.vmCr & fixed);
    if ((next & VmCr.disable) !== 0 && (svm.cpu.state.efer & Efer.svme) !== 0) return this.#refuse();
    svm.vmCr = next;
    return true;
  }

  #refuse(): boolean {
    this.fault = true;
    return false;
  }
}
