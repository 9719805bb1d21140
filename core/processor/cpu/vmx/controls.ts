/** VM-execution, VM-exit and VM-entry controls (SDM vol. 3, sections 25.6 to 25.8): the bits that this processor has. */

export const Pin = { externalInterrupt: 1 << 0, nmi: 1 << 3, virtualNmi: 1 << 5, preemptionTimer: 1 << 6 } as const;

export const Primary = {
  interruptWindow: 1 << 2,
  tscOffset: 1 << 3,
  hlt: 1 << 7,
  invlpg: 1 << 9,
  mwait: 1 << 10,
  rdpmc: 1 << 11,
  rdtsc: 1 << 12,
  cr3Load: 1 << 15,
  cr3Store: 1 << 16,
  cr8Load: 1 << 19,
  cr8Store: 1 << 20,
  nmiWindow: 1 << 22,
  movDebug: 1 << 23,
  unconditionalIo: 1 << 24,
  ioBitmaps: 1 << 25,
  monitorTrap: 1 << 27,
  msrBitmap: 1 << 28,
  monitor: 1 << 29,
  pause: 1 << 30,
  secondary: 1 << 31,
} as const;

export const Secondary = {
  ept: 1 << 1,
  descriptorTable: 1 << 2,
  rdtscp: 1 << 3,
  vpid: 1 << 5,
  wbinvd: 1 << 6,
  unrestricted: 1 << 7,
  rdrand: 1 << 11,
  invpcid: 1 << 12,
  rdseed: 1 << 16,
} as const;

export const Exit = {
  saveDebug: 1 << 2,
  host64: 1 << 9,
  acknowledge: 1 << 15,
  savePat: 1 << 18,
  loadPat: 1 << 19,
  saveEfer: 1 << 20,
  loadEfer: 1 << 21,
  savePreemptionTimer: 1 << 22,
} as const;

export const Entry = { loadDebug: 1 << 2, guest64: 1 << 9, loadPat: 1 << 14, loadEfer: 1 << 15 } as const;

const all = (bits: Readonly<Record<string, number>>): number =>
  Object.values(bits).reduce((word, bit) => word | bit, 0);

/** Bits that must be set: by the older MSR, and by the TRUE one. Bits that may be set. */
export interface Allowed {
  readonly must: number;
  readonly mustTrue: number;
  readonly may: number;
}

const allowed = (must: number, mustTrue: number, bits: Readonly<Record<string, number>>): Allowed => ({
  must,
  mustTrue,
  may: must | all(bits),
});

export const allowedPin = allowed(0x16, 0x16, Pin);
export const allowedPrimary = allowed(0x0401_e172, 0x0400_6172, Primary);
export const allowedExit = allowed(0x0003_6dff, 0x0003_6dfb, Exit);
export const allowedEntry = allowed(0x11ff, 0x11fb, Entry);

/** Controls over instructions are there where the instruction is. */
export function allowedSecondary(features: ReadonlySet<string>): number {
  const absent =
    (features.has('rdtscp') ? 0 : Secondary.rdtscp) |
    (features.has('invpcid') ? 0 : Secondary.invpcid) |
    (features.has('rdrand') ? 0 : Secondary.rdrand) |
    (features.has('rdseed') ? 0 : Secondary.rdseed);
  return all(Secondary) & ~absent;
}
