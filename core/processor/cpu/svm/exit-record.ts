/** A #VMEXIT between the moment it is found and the world switch: what the control area will say about it (APM vol. 2, section 15.6). */
import { state as layout } from '../../state/layout.ts';
import type { CpuCore } from '../core.ts';
import { EventType } from '../virtualization.ts';
import { Control, EventInfo, InjectionType } from './vmcb.ts';

/** Types of EXITINTINFO by EventType. */
const infoTypes: readonly number[] = [
  InjectionType.external,
  InjectionType.external,
  InjectionType.nmi,
  InjectionType.exception,
  InjectionType.software,
  InjectionType.exception,
  InjectionType.exception,
];

const { external, software } = EventType;

export class ExitRecord {
  code = 0;
  /** Upper half: all ones for VMEXIT_INVALID. */
  codeHigh = 0;
  info1Low = 0;
  info1High = 0;
  info2Low = 0;
  info2High = 0;
  eventInfo = 0;
  eventError = 0;
  /** nRIP is state.nextRip. */
  afterInstruction = false;
  /** The bytes of the instruction belong to it. */
  withBytes = false;

  start(code: number, codeHigh = 0): void {
    this.code = code;
    this.codeHigh = codeHigh;
    this.info1Low = 0;
    this.info1High = 0;
    this.info2Low = 0;
    this.info2High = 0;
    this.eventInfo = 0;
    this.eventError = 0;
    this.afterInstruction = false;
    this.withBytes = false;
  }

  /** The event whose delivery was under way, if any. */
  noteDelivery({ delivering }: CpuCore): void {
    const { type, vector, error } = delivering;
    if (type < external) return;
    const hasError = error >= 0 && type !== software;
    this.eventInfo = vector | (infoTypes[type] << 8) | (hasError ? EventInfo.hasError : 0) | EventInfo.valid;
    this.eventError = hasError ? error | 0 : 0;
  }

  get duringDelivery(): boolean {
    return this.eventInfo !== 0;
  }

  /** `at`: word index of the VMCB. */
  write(words: Int32Array, at: number, { state }: CpuCore): void {
    const put = at + (Control.exitCode >> 2);
    words[put] = this.code;
    words[put + 1] = this.codeHigh;
    words[put + 2] = this.info1Low;
    words[put + 3] = this.info1High;
    words[put + 4] = this.info2Low;
    words[put + 5] = this.info2High;
    words[put + 6] = this.eventInfo;
    words[put + 7] = this.eventError;
    const { offset } = layout.nextRip;
    const known = this.afterInstruction && !this.duringDelivery;
    words[at + (Control.nextRip >> 2)] = known ? state.low(offset) : 0;
    words[at + (Control.nextRip >> 2) + 1] = known ? state.high(offset) : 0;
    words[at + (Control.eventInjection >> 2)] &= ~EventInfo.valid;
  }
}
