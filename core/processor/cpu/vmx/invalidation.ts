/** INVEPT and INVVPID (SDM vol. 3, section 31.3). Both may drop more than they are asked to. */
import { isCanonical } from '../../mmu/segmentation.ts';
import { isEptPointer } from './ept.ts';
import type { Vmx } from './vmx.ts';
import { spaceOf } from './world-switch.ts';

export interface Invalidation {
  readonly type: number;
  /** The descriptor's first quadword, and its second. */
  readonly low: number;
  readonly high: number;
  readonly secondLow: number;
  readonly secondHigh: number;
}

const EptScope = { single: 1, all: 2 } as const;
const VpidScope = { address: 0, single: 1, all: 2, singleButGlobal: 3 } as const;

/** False: the operand is wrong. */
export function invalidateByPointer({ cpu }: Vmx, { type, low, high, secondLow, secondHigh }: Invalidation): boolean {
  const { mmu, model } = cpu;
  if (type !== EptScope.single && type !== EptScope.all) return false;
  if ((secondLow | secondHigh) !== 0) return false;
  if (type === EptScope.all) mmu.flushAll();
  else {
    if (!isEptPointer(low, high, ~(2 ** (model.physicalBits - 32) - 1))) return false;
    mmu.flushNested(low & ~0xfff, high);
  }
  return true;
}

export function invalidateByVpid({ cpu }: Vmx, { type, low, high, secondLow, secondHigh }: Invalidation): boolean {
  const { mmu } = cpu;
  if (type >>> 0 > VpidScope.singleButGlobal || low >>> 16 !== 0 || high !== 0) return false;
  if (type !== VpidScope.all && low === 0) return false;
  if (type === VpidScope.address && !isCanonical(secondHigh)) return false;
  if (type === VpidScope.all) mmu.flushAll();
  else if (type === VpidScope.address) mmu.invalidatePage(secondLow, secondHigh);
  else mmu.flushSpace(spaceOf(low));
  return true;
}
