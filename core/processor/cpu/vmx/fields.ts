/**
 * VMCS fields by encoding (SDM vol. 3, appendix B), and where each lies in the VMCS region: the region's data format is the
 * processor's own affair (section 25.2), ours is eight bytes a field in the order of this table.
 */

export const Field = {
  vpid: 0x0000,

  guestEs: 0x0800,
  guestCs: 0x0802,
  guestSs: 0x0804,
  guestDs: 0x0806,
  guestFs: 0x0808,
  guestGs: 0x080a,
  guestLdtr: 0x080c,
  guestTr: 0x080e,

  hostEs: 0x0c00,
  hostCs: 0x0c02,
  hostSs: 0x0c04,
  hostDs: 0x0c06,
  hostFs: 0x0c08,
  hostGs: 0x0c0a,
  hostTr: 0x0c0c,

  ioBitmapA: 0x2000,
  ioBitmapB: 0x2002,
  msrBitmap: 0x2004,
  exitMsrStore: 0x2006,
  exitMsrLoad: 0x2008,
  entryMsrLoad: 0x200a,
  executivePointer: 0x200c,
  tscOffset: 0x2010,
  eptPointer: 0x201a,

  guestPhysicalAddress: 0x2400,

  linkPointer: 0x2800,
  guestDebugControl: 0x2802,
  guestPat: 0x2804,
  guestEfer: 0x2806,
  guestPdpte0: 0x280a,
  guestPdpte1: 0x280c,
  guestPdpte2: 0x280e,
  guestPdpte3: 0x2810,

  hostPat: 0x2c00,
  hostEfer: 0x2c02,

  pinControls: 0x4000,
  primaryControls: 0x4002,
  exceptionBitmap: 0x4004,
  pageFaultMask: 0x4006,
  pageFaultMatch: 0x4008,
  cr3TargetCount: 0x400a,
  exitControls: 0x400c,
  exitMsrStoreCount: 0x400e,
  exitMsrLoadCount: 0x4010,
  entryControls: 0x4012,
  entryMsrLoadCount: 0x4014,
  entryInterruption: 0x4016,
  entryErrorCode: 0x4018,
  entryInstructionLength: 0x401a,
  secondaryControls: 0x401e,

  instructionError: 0x4400,
  exitReason: 0x4402,
  exitInterruption: 0x4404,
  exitErrorCode: 0x4406,
  vectoringInfo: 0x4408,
  vectoringErrorCode: 0x440a,
  exitInstructionLength: 0x440c,
  exitInstructionInfo: 0x440e,

  guestEsLimit: 0x4800,
  guestCsLimit: 0x4802,
  guestSsLimit: 0x4804,
  guestDsLimit: 0x4806,
  guestFsLimit: 0x4808,
  guestGsLimit: 0x480a,
  guestLdtrLimit: 0x480c,
  guestTrLimit: 0x480e,
  guestGdtrLimit: 0x4810,
  guestIdtrLimit: 0x4812,
  guestEsRights: 0x4814,
  guestCsRights: 0x4816,
  guestSsRights: 0x4818,
  guestDsRights: 0x481a,
  guestFsRights: 0x481c,
  guestGsRights: 0x481e,
  guestLdtrRights: 0x4820,
  guestTrRights: 0x4822,
  guestInterruptibility: 0x4824,
  guestActivity: 0x4826,
  guestSmbase: 0x4828,
  guestSysenterCs: 0x482a,
  preemptionTimer: 0x482e,

  hostSysenterCs: 0x4c00,

  cr0Mask: 0x6000,
  cr4Mask: 0x6002,
  cr0Shadow: 0x6004,
  cr4Shadow: 0x6006,
  cr3Target0: 0x6008,
  cr3Target1: 0x600a,
  cr3Target2: 0x600c,
  cr3Target3: 0x600e,

  exitQualification: 0x6400,
  ioRcx: 0x6402,
  ioRsi: 0x6404,
  ioRdi: 0x6406,
  ioRip: 0x6408,
  guestLinearAddress: 0x640a,

  guestCr0: 0x6800,
  guestCr3: 0x6802,
  guestCr4: 0x6804,
  guestEsBase: 0x6806,
  guestCsBase: 0x6808,
  guestSsBase: 0x680a,
  guestDsBase: 0x680c,
  guestFsBase: 0x680e,
  guestGsBase: 0x6810,
  guestLdtrBase: 0x6812,
  guestTrBase: 0x6814,
  guestGdtrBase: 0x6816,
  guestIdtrBase: 0x6818,
  guestDr7: 0x681a,
  guestRsp: 0x681c,
  guestRip: 0x681e,
  guestRflags: 0x6820,
  guestPendingDebug: 0x6822,
  guestSysenterEsp: 0x6824,
  guestSysenterEip: 0x6826,

  hostCr0: 0x6c00,
  hostCr3: 0x6c02,
  hostCr4: 0x6c04,
  hostFsBase: 0x6c06,
  hostGsBase: 0x6c08,
  hostTrBase: 0x6c0a,
  hostGdtrBase: 0x6c0c,
  hostIdtrBase: 0x6c0e,
  hostSysenterEsp: 0x6c10,
  hostSysenterEip: 0x6c12,
  hostRsp: 0x6c14,
  hostRip: 0x6c16,
} as const;

export type FieldName = keyof typeof Field;

/** What bits 14:13 and 11:10 of an encoding say. */
export const FieldWidth = { bits16: 0, bits64: 1, bits32: 2, natural: 3 } as const;
export const FieldType = { control: 0, readOnly: 1, guest: 2, host: 3 } as const;

export const widthOf = (encoding: number): number => (encoding >> 13) & 3;
export const typeOf = (encoding: number): number => (encoding >> 10) & 3;

/** Words before the first field: revision, abort indicator, launch state, and one that is left over. */
export const headerWords = 4;
const encodingLimit = 0x8000;

/** Word offset of a field in its region by encoding >> 1; 0 where there is no such field. */
export const fieldWords = new Int16Array(encodingLimit >> 1);
Object.values(Field).forEach((encoding, index) => {
  fieldWords[encoding >> 1] = headerWords + index * 2;
});

export const wordOf = (encoding: number): number => fieldWords[encoding >> 1];
/** Its place in bytes from the VMCS's first. */
export const byteOf = (encoding: number): number => wordOf(encoding) * 4;

/** VMREAD and VMWRITE know this encoding (bit 0, the high half, for 64-bit fields only). */
export const isField = (encoding: number): boolean =>
  encoding >>> 0 < encodingLimit &&
  fieldWords[encoding >> 1] !== 0 &&
  ((encoding & 1) === 0 || widthOf(encoding) === FieldWidth.bits64);

const readOffsets = Int16Array.from({ length: encodingLimit }, (_, encoding) =>
  isField(encoding) ? wordOf(encoding) + (encoding & 1) : 0,
);
/** Where the word that an encoding names lies in the region, the high one for bit 0; 0 where there is no such field. */
export const readOffset = (encoding: number): number => (encoding >>> 0 < encodingLimit ? readOffsets[encoding] : 0);

/** Bits 9:1 of IA32_VMX_VMCS_ENUM: the highest index that any encoding has. */
export const highestIndex = Math.max(...Object.values(Field).map(encoding => (encoding >> 1) & 0x1ff));

/** What a VMWRITE makes the next entry check again. `event`: fields whose rules are checked at every entry. */
export const Dirty = { controls: 1, host: 2, guest: 4, event: 8, all: 15 } as const;

const eventFields: readonly number[] = [
  Field.guestRip,
  Field.guestRsp,
  Field.guestRflags,
  Field.guestInterruptibility,
  Field.guestActivity,
  Field.guestPendingDebug,
];
const dirtyByType = [Dirty.controls, 0, Dirty.guest, Dirty.host];

/** By encoding >> 1. */
export const fieldDirt = new Uint8Array(encodingLimit >> 1);
for (const encoding of Object.values(Field))
  fieldDirt[encoding >> 1] = eventFields.includes(encoding) ? Dirty.event : dirtyByType[typeOf(encoding)];
