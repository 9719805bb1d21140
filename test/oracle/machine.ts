/** The little machine on which snippets run: where its code, data and stack lie, and which selectors it sees. */
export const codeBase = 0x1000_0000;

/** Everything else is unmapped. Memory is zero before a case except for the case's patches. Must agree with native/runner.c. */
export const regions = {
  /** For 16-bit addressing only. */
  low: { base: 0x8000, size: 0x1000 },
  data: { base: 0x2000_0000, size: 0x2000 },
  stack: { base: 0x3000_0000, size: 0x1000 },
} as const;

/** Linux' user selectors: what PUSH CS, MOV r, SS and the like read. */
export const selectors = {
  64: { cs: 0x33, ss: 0x2b, ds: 0, es: 0 },
  32: { cs: 0x23, ss: 0x2b, ds: 0x2b, es: 0x2b },
} as const;

/** Attributes (core/processor/state/registers.ts) of those segments: flat, DPL 3. */
export const flatCode = 0xcfb;
export const flatData = 0xcf3;

export const registerNames = [
  ...['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
] as const;

export const flagBits = {
  cf: 0x001,
  pf: 0x004,
  af: 0x010,
  zf: 0x040,
  sf: 0x080,
  df: 0x400,
  of: 0x800,
} as const;

export const statusFlags = 0x8d5;

/** IF and the bit that is always one: what a user program sees apart from its own flags. */
export const flagsFloor = 0x202;

/** FXSAVE image (SDM vol. 1 §10.5.1), and behind it the upper halves of YMM registers: where their parts lie. */
export const fxOffsets = { fcw: 0, fsw: 2, ftw: 4, mxcsr: 24, st: 32, xmm: 160, end: 416, ymmHigh: 512 } as const;
export const fxSize = 512 + 16 * 16;

/** After FNINIT, with MXCSR at its reset value and all registers zero. */
export const initialFx = (): Uint8Array => {
  const image = new Uint8Array(fxSize);
  const view = new DataView(image.buffer);
  view.setUint16(fxOffsets.fcw, 0x37f, true);
  view.setUint32(fxOffsets.mxcsr, 0x1f80, true);
  return image;
};

/** Clears what differs between processors or says nothing: last instruction and operand pointers, MXCSR_MASK, reserved bytes. */
export const cleanFx = (image: Uint8Array): Uint8Array => {
  image.fill(0, 5, 24).fill(0, 28, 32).fill(0, fxOffsets.end, 512);
  for (let slot = fxOffsets.st; slot < fxOffsets.xmm; slot += 16) image.fill(0, slot + 10, slot + 16);
  return image;
};
