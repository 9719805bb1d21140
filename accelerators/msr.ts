/**
 * MSRs that guests meet the same way on every accelerator, without the board: NVMM's kernel half answers some of them itself
 * (which, depends on the backend), and the guest must not see a difference.
 */

interface FixedMsr {
  readonly low: number;
  readonly high: number;
}

const zero: FixedMsr = { low: 0, high: 0 };

/** Reads give this, writes are ignored. */
const fixed: ReadonlyMap<number, FixedMsr> = new Map([
  // IA32_PLATFORM_ID; IA32_BIOS_SIGN_ID, AMD's PATCH_LEVEL
  [0x17, zero],
  [0x8b, zero],
  // IA32_MISC_ENABLE: fast strings, no branch trace store, no precise event sampling
  [0x1a0, { low: 0x1801, high: 0 }],
  // NB_CFG: INITAPICCPUIDLO; CMPHALT, IC_CFG, DE_CFG
  [0xc001_001f, { low: 0, high: 1 << 22 }],
  [0xc001_0055, zero],
  [0xc001_1021, zero],
  [0xc001_1029, zero],
]);

export const fixedMsr = (index: number): FixedMsr | undefined => fixed.get(index >>> 0);
