import {
  byteRange,
  type Clock,
  copyState,
  DeliveryMode,
  damaged,
  type InterruptController,
  type InterruptMessage,
  longRange,
  requireRanges,
  restoreState,
  type SavedState,
  type StateRanges,
} from '#core';
import { ApicBase, ErrorStatus, Lvt, Register, Spurious } from './registers.ts';
import { ApicTimer, initialTimer, isDeadline, type TimestampCounter, timerRanges } from './timer.ts';
import { addVector, emptySet, hasVector, highestVector, removeVector } from './vector-set.ts';

/** What a local APIC reaches of the others and of the board. */
export interface Surroundings {
  readonly clock: Clock;
  /** The PIC's INTR pin, wired to LINT0 of each. */
  readonly external: { readonly pending: boolean; acknowledge(): number } | undefined;
  endOfInterrupt(vector: number): void;
}

/** One processor's local APIC (SDM vol. 3, chapter 12): what is requested, in service and deliverable. */
export class LocalApicUnit implements InterruptController {
  state: ReturnType<typeof initialUnit>;
  readonly timer: ApicTimer;
  onChange: (() => void) | undefined;

  /** Vector that IRR, ISR and TPR let through, or -1; recomputed when one of them changes. */
  #deliverable = -1;

  constructor(
    readonly processor: number,
    private readonly around: Surroundings,
    counter: TimestampCounter,
  ) {
    this.state = initialUnit(processor);
    this.timer = new ApicTimer(around.clock, counter, () => this.#request(this.timer.entry & Lvt.vector));
  }

  get enabled(): boolean {
    return (this.state.base & ApicBase.enabled) !== 0;
  }

  get extended(): boolean {
    return (this.state.base & ApicBase.extended) !== 0;
  }

  get softwareEnabled(): boolean {
    return (this.state.spurious & Spurious.enabled) !== 0;
  }

  get pending(): boolean {
    return this.#deliverable >= 0 || this.#externalPending;
  }

  acknowledge(): number {
    if (this.#externalPending) {
      this.state.externalMessage = false;
      return this.around.external!.acknowledge();
    }
    const vector = this.#deliverable;
    if (vector < 0) return this.state.spurious & Spurious.vector;
    removeVector(this.state.requested, vector);
    addVector(this.state.inService, vector);
    this.update();
    return vector;
  }

  get nmiPending(): boolean {
    return this.state.nmi;
  }

  acknowledgeNmi(): void {
    this.state.nmi = false;
  }

  raiseNmi(): void {
    this.state.nmi = true;
    this.onChange?.();
  }

  get taskPriority(): number {
    return this.state.taskPriority >>> 4;
  }

  set taskPriority(value: number) {
    this.state.taskPriority = (value & 15) << 4;
    this.update();
  }

  get processorPriority(): number {
    const { taskPriority, inService } = this.state;
    const served = Math.max(0, highestVector(inService));
    return taskPriority >>> 4 >= served >>> 4 ? taskPriority : served & 0xf0;
  }

  /** Takes in a message that is meant for this processor; INIT and start-up are the bank's affair. */
  accept({ mode, vector, level }: InterruptMessage): boolean {
    if (!this.enabled) return false;
    switch (mode) {
      case DeliveryMode.Fixed:
      case DeliveryMode.LowestPriority:
        return this.#request(vector, level);
      case DeliveryMode.Nmi:
        this.raiseNmi();
        return true;
      case DeliveryMode.External:
        this.state.externalMessage = true;
        this.onChange?.();
        return true;
      default:
        return false;
    }
  }

  /** A rising edge on LINT0 or LINT1. A level-triggered ExtINT is not latched: `pending` looks at the pin. */
  signal(index: 0 | 1): void {
    const entry = this.state.lvt[Register.lint0 + index - Register.timer];
    if (!this.enabled && index === 0 && this.processor === 0) this.onChange?.();
    if (!this.enabled || entry & Lvt.masked) return;
    switch ((entry & Lvt.mode) >> 8) {
      case DeliveryMode.Fixed:
        this.#request(entry & Lvt.vector);
        break;
      case DeliveryMode.Nmi:
        this.raiseNmi();
        break;
      case DeliveryMode.External:
        this.onChange?.();
        break;
    }
  }

  end(): void {
    const { inService, triggered } = this.state;
    const vector = highestVector(inService);
    if (vector < 0) return;
    removeVector(inService, vector);
    this.update();
    if (hasVector(triggered, vector)) this.around.endOfInterrupt(vector);
  }

  /** Notes an error; the first since the status was last written interrupts. */
  fail(error: number): void {
    const { state } = this;
    const first = (state.errors & error) === 0;
    state.errors |= error;
    const entry = state.lvt[Register.error - Register.timer];
    if (first && !(entry & Lvt.masked)) this.#request(entry & Lvt.vector);
  }

  /** Looks again at what is deliverable, after a change of IRR, ISR or TPR. */
  update(): void {
    const vector = highestVector(this.state.requested);
    this.#deliverable = vector >= 0 && vector >>> 4 > this.processorPriority >>> 4 ? vector : -1;
    if (this.#deliverable >= 0) this.onChange?.();
  }

  reset(): void {
    this.state = initialUnit(this.processor);
    this.timer.reset();
    this.update();
  }

  /** INIT, or leaving global disablement: everything but identity and mode (12.4.7). */
  initialize(): void {
    const { base, nmi } = this.state;
    this.state = { ...initialUnit(this.processor), base, nmi };
    this.timer.reset();
    this.update();
  }

  save() {
    return { ...copyState(this.state), timer: copyState(this.timer.state) };
  }

  /** A saved state, checked. */
  parse(state: SavedState) {
    const taken = restoreState({ ...initialUnit(this.processor), timer: initialTimer() }, state, 1);
    requireRanges(taken, unitRanges);
    requireRanges(taken.timer, timerRanges, 'timer.');
    if (!isDeadline(taken.timer.deadline)) throw damaged('timer.deadline');
    return taken;
  }

  restore({ timer, ...unit }: ReturnType<LocalApicUnit['parse']>): void {
    this.state = unit;
    this.timer.state = timer;
    this.update();
    this.timer.resume();
  }

  /** Virtual wire: the PIC through LINT0 or an I/O APIC's ExtINT entry, or directly while the APIC is off (12.4.3). */
  get #externalPending(): boolean {
    const { external } = this.around;
    if (!external?.pending) return false;
    if (!this.enabled) return this.processor === 0;
    const entry = this.state.lvt[Register.lint0 - Register.timer];
    return this.state.externalMessage || (entry & (Lvt.masked | Lvt.mode)) === DeliveryMode.External << 8;
  }

  #request(vector: number, level = false): boolean {
    if (!this.enabled || !this.softwareEnabled) return false;
    if (vector < 16) {
      // Not an interrupt; and an error entry with such a vector must not raise the error again.
      if (!(this.state.errors & ErrorStatus.receiveVector)) this.fail(ErrorStatus.receiveVector);
      return true;
    }
    addVector(this.state.requested, vector);
    if (level) addVector(this.state.triggered, vector);
    else removeVector(this.state.triggered, vector);
    this.update();
    return true;
  }
}

/** As after power-on, with the bootstrap processor's LINT0 open for the PIC, as firmware leaves it (virtual wire mode). */
export const initialUnit = (processor: number) => ({
  base: 0xfee0_0000 + ApicBase.enabled + (processor === 0 ? ApicBase.bootstrap : 0),
  taskPriority: 0,
  spurious: 0xff,
  logicalDestination: 0,
  destinationFormat: 0xffff_ffff,
  requested: emptySet(),
  inService: emptySet(),
  /** TMR: level-triggered. */
  triggered: emptySet(),
  errorStatus: 0,
  /** Errors since the status register was last written. */
  errors: 0,
  commandLow: 0,
  commandHigh: 0,
  /** From thermal to error; the timer's own is kept by the timer. */
  lvt: [
    0,
    Lvt.masked,
    Lvt.masked,
    processor === 0 ? DeliveryMode.External << 8 : Lvt.masked,
    Lvt.masked,
    Lvt.masked,
  ] as number[],
  nmi: false,
  externalMessage: false,
});

const unitRanges: StateRanges<ReturnType<typeof initialUnit>> = {
  base: [0, 2 ** 52 - 1],
  taskPriority: byteRange,
  spurious: [0, Spurious.writable],
  logicalDestination: longRange,
  destinationFormat: longRange,
  requested: longRange,
  inService: longRange,
  triggered: longRange,
  errorStatus: byteRange,
  errors: byteRange,
  commandLow: longRange,
  commandHigh: longRange,
  lvt: longRange,
};
