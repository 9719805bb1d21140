/** MSRs that both backends know (SDM vol. 4; APM vol. 2, appendix A). */
export const MsrIndex = {
  tsc: 0x10,
  platformId: 0x17,
  /** BIOS_SIGN_ID on Intel, PATCH_LEVEL on AMD. */
  microcode: 0x8b,
  archCapabilities: 0x10a,
  sysenterCs: 0x174,
  sysenterEsp: 0x175,
  sysenterEip: 0x176,
  miscEnable: 0x1a0,
  pat: 0x277,
  efer: 0xc000_0080,
  star: 0xc000_0081,
  lstar: 0xc000_0082,
  cstar: 0xc000_0083,
  sfmask: 0xc000_0084,
  fsBase: 0xc000_0100,
  gsBase: 0xc000_0101,
  kernelGsBase: 0xc000_0102,
  nbConfiguration: 0xc001_001f,
  cmpHalt: 0xc001_0055,
  icConfiguration: 0xc001_1021,
  deConfiguration: 0xc001_1029,
} as const;

/** What guests read and write without an exit on either backend. */
export const passed = [
  MsrIndex.star,
  MsrIndex.lstar,
  MsrIndex.cstar,
  MsrIndex.sfmask,
  MsrIndex.kernelGsBase,
  MsrIndex.sysenterCs,
  MsrIndex.sysenterEsp,
  MsrIndex.sysenterEip,
  MsrIndex.fsBase,
  MsrIndex.gsBase,
] as const;
