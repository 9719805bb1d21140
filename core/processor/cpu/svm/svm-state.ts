import type { Cpu } from '../cpu.ts';
import { Controls } from './controls.ts';
import { ExitRecord } from './exit-record.ts';

/** What the parts of one processor's SVM share: its own registers, and the guest under way. */
export class SvmState {
  readonly controls = new Controls();
  readonly exit = new ExitRecord();
  /** Global interrupt flag. */
  gif = true;
  /** MSRs VM_CR and VM_HSAVE_PA. */
  vmCr = 0;
  hostSaveLow = 0;
  hostSaveHigh = 0;
  ignne = 0;

  /** VMRUN was executed: the world is to be switched to the guest. */
  entering = false;
  vmcbLow = 0;
  vmcbHigh = 0;
  /** RFLAGS.IF of the host at VMRUN. */
  hostInterrupts = false;
  /** EVENTINJ waits for its delivery. */
  injecting = false;

  // The V_INTR word, as far as the guest and the processor change it.
  virtualIrq = false;
  virtualGif = true;
  taskPriority = 0;
  /** CR8 at entry, where V_TPR only follows it. */
  physicalPriority = 0;

  /** PAUSE filter: what is left, and when the last one was. */
  pausesLeft = 0;
  lastPause = 0;

  constructor(readonly cpu: Cpu) {}

  /** INIT out of a guest, and a part of power-on. */
  leaveGuest(): void {
    const { mmu } = this.cpu;
    this.gif = true;
    this.entering = false;
    this.injecting = false;
    this.virtualIrq = false;
    mmu.paging.nested = undefined;
    mmu.space = 0;
  }

  reset(): void {
    this.leaveGuest();
    this.vmCr = 0;
    this.ignne = 0;
    this.hostSaveLow = 0;
    this.hostSaveHigh = 0;
  }

  /** V_TPR as the guest sees it: without V_INTR_MASKING, CR8 writes reach it too. */
  get virtualTaskPriority(): number {
    if (this.controls.virtualMasking) return this.taskPriority;
    const now = this.cpu.taskPriority;
    return now === this.physicalPriority ? this.taskPriority : now;
  }
}
