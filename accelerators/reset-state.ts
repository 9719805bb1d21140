/** A processor after power-on or INIT, and after SIPI (SDM vol. 3, table 10-1). */
import { type CpuModel, type CpuState, type CpuStateChange, type SegmentState, vectorSize } from '#core';

const dataSegment: SegmentState = { selector: 0, attributes: 0x93, limit: 0xffff, base: 0n };
const table = { limit: 0xffff, base: 0n };

/** x87 and SSE after RESET: control word 0040H, all registers empty of meaning, MXCSR 1F80H. */
function resetFpu(): Uint8Array {
  const image = new Uint8Array(512);
  const view = new DataView(image.buffer);
  view.setUint16(0, 0x0040, true);
  view.setUint8(4, 0xff);
  view.setUint32(24, 0x1f80, true);
  view.setUint32(28, 0xffff, true);
  return image;
}

const code = (selector: number, base: bigint): SegmentState => ({ selector, attributes: 0x9b, limit: 0xffff, base });

/** EDX holds family, model and stepping: CPUID.1:EAX. */
const signature = (model: CpuModel): bigint =>
  BigInt((model.leaves.find(({ leaf }) => leaf === 1)?.eax ?? 0x600) >>> 0);

export function initialState(model: CpuModel): CpuState {
  return {
    general: {
      registers: Array.from({ length: 16 }, (_, n) => (n === 2 ? signature(model) : 0n)),
      rip: 0xfff0n,
      rflags: 2n,
    },
    segments: {
      es: dataSegment,
      cs: code(0xf000, 0xffff_0000n),
      ss: dataSegment,
      ds: dataSegment,
      fs: dataSegment,
      gs: dataSegment,
      ldtr: { ...dataSegment, attributes: 0x82 },
      tr: { ...dataSegment, attributes: 0x8b },
      gdtr: table,
      idtr: table,
    },
    controls: { cr0: 0x6000_0010n, cr2: 0n, cr3: 0n, cr4: 0n, cr8: 0n, xcr0: 1n },
    debug: { dr0: 0n, dr1: 0n, dr2: 0n, dr3: 0n, dr6: 0xffff_0ff0n, dr7: 0x400n },
    msrs: {
      efer: 0n,
      star: 0n,
      lstar: 0n,
      cstar: 0n,
      sfmask: 0n,
      kernelGsBase: 0n,
      sysenterCs: 0n,
      sysenterEsp: 0n,
      sysenterEip: 0n,
      pat: 0x0007_0406_0007_0406n,
      tsc: 0n,
    },
    interrupts: { shadow: false, nmiBlocked: false, halted: false },
    fpu: resetFpu(),
    vector: new Uint8Array(vectorSize),
  };
}

/** What INIT sets: x87, SSE, XCR0 and nearly all MSRs, the time-stamp counter among them, stay as they are. */
export function initState(model: CpuModel, { controls, msrs }: Pick<CpuState, 'controls' | 'msrs'>): CpuStateChange {
  const { fpu: _, vector: ___, ...reset } = initialState(model);
  const { tsc: __, ...kept } = msrs;
  return {
    ...reset,
    controls: { ...reset.controls, cr0: 0x10n | (controls.cr0 & 0x6000_0000n), xcr0: controls.xcr0 },
    msrs: { ...kept, efer: 0n },
  };
}

/** Only what SIPI sets. */
export function startupState(model: CpuModel, vector: number): Partial<CpuState> {
  const { general, segments } = initialState(model);
  return {
    general: { ...general, rip: 0n },
    segments: { ...segments, cs: code(vector << 8, BigInt(vector) << 12n) },
    interrupts: { shadow: false, nmiBlocked: false, halted: false },
  };
}
