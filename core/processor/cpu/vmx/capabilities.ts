/** The VMX capability MSRs (SDM vol. 3, appendix A): what this processor says it can do. All are read-only. */
import { Cr0, Cr4 } from '../../state/registers.ts';
import { allowedEntry, allowedExit, allowedPin, allowedPrimary, allowedSecondary } from './controls.ts';
import { highestIndex } from './fields.ts';

export const revision = 0x5664_0001;
export const firstCapability = 0x480;

/** Bits of CR0 and CR4 that VMX operation wants set. */
export const cr0Fixed: number = Cr0.pe | Cr0.ne | Cr0.pg;
export const cr4Fixed: number = Cr4.vmxe;

export const cr3Targets = 4;
/** Entries of an MSR area. */
export const msrAreaLimit = 512;

export interface CapabilityOptions {
  readonly features: ReadonlySet<string>;
  /** CR4 bits that may be set. */
  readonly cr4: number;
}

export const EptCapability = {
  executeOnly: 1 << 0,
  walk4: 1 << 6,
  uncached: 1 << 8,
  writeBack: 1 << 14,
  pages2M: 1 << 16,
  pages1G: 1 << 17,
  invept: 1 << 20,
  accessedDirty: 1 << 21,
  inveptSingle: 1 << 25,
  inveptAll: 1 << 26,
} as const;

/** Upper half of IA32_VMX_EPT_VPID_CAP: INVVPID with all four types. */
const invvpid = (1 << 0) | (0xf << 8);

/** [low, high] by number. IA32_VMX_VMFUNC is not there: no VM functions are. */
export function capabilities({ features, cr4 }: CapabilityOptions): ReadonlyMap<number, readonly [number, number]> {
  const ept =
    EptCapability.executeOnly |
    EptCapability.walk4 |
    EptCapability.uncached |
    EptCapability.writeBack |
    EptCapability.pages2M |
    (features.has('pdpe1gb') ? EptCapability.pages1G : 0) |
    EptCapability.invept |
    EptCapability.accessedDirty |
    EptCapability.inveptSingle |
    EptCapability.inveptAll;
  return new Map<number, readonly [number, number]>([
    // Region of 4096 bytes, write-back; INS and OUTS are described; the TRUE MSRs are there.
    [0x480, [revision, 0x1000 | (6 << 18) | (1 << 22) | (1 << 23)]],
    [0x481, [allowedPin.must, allowedPin.may]],
    [0x482, [allowedPrimary.must, allowedPrimary.may]],
    [0x483, [allowedExit.must, allowedExit.may]],
    [0x484, [allowedEntry.must, allowedEntry.may]],
    // Timer at the rate of the TSC; exits store EFER.LMA; activity states 1 to 3; injection with length 0.
    [0x485, [(1 << 5) | (7 << 6) | (cr3Targets << 16) | (1 << 30), 0]],
    [0x486, [cr0Fixed, 0]],
    [0x487, [-1, 0]],
    [0x488, [cr4Fixed, 0]],
    [0x489, [cr4, 0]],
    [0x48a, [highestIndex << 1, 0]],
    [0x48b, [0, allowedSecondary(features)]],
    [0x48c, [ept, invvpid]],
    [0x48d, [allowedPin.mustTrue, allowedPin.may]],
    [0x48e, [allowedPrimary.mustTrue, allowedPrimary.may]],
    [0x48f, [allowedExit.mustTrue, allowedExit.may]],
    [0x490, [allowedEntry.mustTrue, allowedEntry.may]],
  ]);
}
