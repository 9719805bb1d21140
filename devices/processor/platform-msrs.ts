import { Device, device, Msrs } from '#core';

interface Register {
  readonly index: number;
  readonly value: bigint;
}

/**
 * Model-specific registers that systems read because every processor of the brand has them, and that say nothing here. The values
 * are those that NVMM gives for the registers it answers itself, so that a guest finds the same on every accelerator.
 */
const registers: readonly Register[] = [
  // IA32_PLATFORM_ID, IA32_BIOS_SIGN_ID (AMD: PATCH_LEVEL)
  { index: 0x17, value: 0n },
  { index: 0x8b, value: 0n },
  // IA32_MISC_ENABLE: fast strings; no BTS, no PEBS
  { index: 0x1a0, value: 0x1801n },
  // IA32_DEBUGCTL: no branch records; KVM saves and restores it
  { index: 0x1d9, value: 0n },
  // HWCR: the TSC counts at the P0 frequency
  { index: 0xc001_0015, value: 1n << 24n },
  // SYSCFG, INT_PENDING_MSG (C1E), IC_CFG, DE_CFG
  { index: 0xc001_0010, value: 0n },
  { index: 0xc001_0055, value: 0n },
  { index: 0xc001_1021, value: 0n },
  { index: 0xc001_1029, value: 0n },
  // NB_CFG: InitApicIdCpuIdLo
  { index: 0xc001_001f, value: 1n << 54n },
];

/** Reads give the value, writes are forgotten. */
@device('platform-msrs')
export class PlatformMsrs extends Device {
  static readonly options = {};

  constructor(@Msrs msrs: Msrs) {
    super();
    for (const { index, value } of registers) {
      msrs.claim(index, { name: 'platform', read: () => value, write: () => true });
    }
  }

  reset(): void {}

  save() {
    return { version: 1 };
  }

  restore(): void {}

  inspect() {
    return {};
  }
}
