/** Extended page tables (SDM vol. 3, section 30.3): the pointer, the walk behind it, and how a fault is described. */
import type { PhysicalMemory } from '../../memory/physical-memory.ts';
import { eptFormat, type NestedFormat } from '../../mmu/nested-formats.ts';
import { NestedFaultKind, NestedWalk } from '../../mmu/nested-paging.ts';
import { Reason } from './reasons.ts';

const Pointer = { memoryType: 7, walkLength: 7 << 3, accessedDirty: 1 << 6, reserved: 0xf80 } as const;
const fourLevels = 3 << 3;
const writeBack = 6;

export const isEptPointer = (low: number, high: number, beyondWidth: number): boolean =>
  ((low & Pointer.memoryType) === 0 || (low & Pointer.memoryType) === writeBack) &&
  (low & Pointer.walkLength) === fourLevels &&
  (low & Pointer.reserved) === 0 &&
  (high & beyondWidth) === 0;

const kept = 16;

/** Walks by EPT pointer: those that were used last. */
export class EptWalks {
  readonly #plain: NestedFormat;
  readonly #marking: NestedFormat;
  readonly #walks: NestedWalk[] = [];
  #last: NestedWalk | undefined;
  #lastLow = 0;
  #lastHigh = 0;

  constructor(
    private readonly physical: PhysicalMemory,
    physicalBits: number,
    hugePages: boolean,
  ) {
    const options = { physicalBits, hugePages, executeOnly: true };
    this.#plain = eptFormat({ ...options, accessedDirty: false });
    this.#marking = eptFormat({ ...options, accessedDirty: true });
  }

  of(low: number, high: number): NestedWalk {
    if (low !== this.#lastLow || high !== this.#lastHigh || !this.#last) {
      this.#last = this.#find(low, high);
      this.#lastLow = low;
      this.#lastHigh = high;
    }
    return this.#last;
  }

  #find(low: number, high: number): NestedWalk {
    const walks = this.#walks;
    const attributes = low & 0xfff;
    for (let n = 0; n < walks.length; n++) {
      const walk = walks[n];
      if (walk.rootLow === (low & ~0xfff) && walk.rootHigh === high && walk.attributes === attributes) return walk;
    }
    const format = (low & Pointer.accessedDirty) !== 0 ? this.#marking : this.#plain;
    const walk = new NestedWalk(this.physical, format, low & ~0xfff, high, attributes);
    if (walks.length === kept) walks.shift();
    walks.push(walk);
    return walk;
  }
}

const Violation = { permissions: 3, linearValid: 1 << 7, finalTranslation: 1 << 8 } as const;

export const faultReason = (walk: NestedWalk): number =>
  walk.faultKind === NestedFaultKind.malformed ? Reason.eptMisconfiguration : Reason.eptViolation;

/** Access in bits 2:0, permissions of the path in bits 5:3 (section 28.2.1, table 28-7). The load of a PDPTE has no linear address. */
export const violationQualification = (walk: NestedWalk): number =>
  (walk.faultAccess & 7) |
  ((walk.permissions & 7) << Violation.permissions) |
  (walk.faultLinear ? Violation.linearValid : 0) |
  (walk.faultInTable ? 0 : Violation.finalTranslation);
