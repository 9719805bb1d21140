/** FXSAVE, FXRSTOR, XSAVE, XRSTOR (SDM vol. 1, sections 10.5 and 13.7 to 13.8): x87 and SSE state, standard format. */
import { fxsaveSize, mxcsrMask, readFpuImage, writeFpuImage } from '../../state/fpu-image.ts';
import { state as layout, ymmHighOffset } from '../../state/layout.ts';
import { Access, Status } from '../../state/leave.ts';
import { Cr0, Cr4, Gpr, Vector, Xcr0 } from '../../state/registers.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';
import { areaSize, headerAt, vectorAt } from '../xsave-area.ts';

const registersAt = 32;
const vectorsAt = 160;
const mxcsrAt = 24;
/** XCOMP_BV's upper half in the compacted format. */
const compacted = 0x8000_0000 | 0;
const mxcsrInitial = 0x1f80;

/** Bytes of the image that hold registers: XMM8 to XMM15 are there in 64-bit mode only. */
const vectorsEnd = (cpu: CpuCore): number => (cpu.is64 ? 416 : 288);

function locate(cpu: CpuCore, size: number, alignment: number, access: number): void {
  const { state } = cpu;
  const at = cpu.operand(state.argument(0), state.argument(1), state.argumentHigh(1), size, access);
  if ((at.low & (alignment - 1)) !== 0) cpu.raise(Vector.gp, 0);
  cpu.low = at.low;
  cpu.high = at.high;
}

const carry = (cpu: CpuCore, offset: number): number => {
  const low = (cpu.low + offset) | 0;
  return low >>> 0 < cpu.low >>> 0 && cpu.is64 ? (cpu.high + 1) | 0 : cpu.high;
};

/** Copies bytes of the image to memory at (cpu.low, cpu.high); all of it was probed. */
function write(cpu: CpuCore, from: number, to: number): void {
  const { image, memory } = cpu;
  for (let at = from; at < to; at += 4) {
    const word = image[at] | (image[at + 1] << 8) | (image[at + 2] << 16) | (image[at + 3] << 24);
    memory.write32((cpu.low + at) | 0, carry(cpu, at), 0, word);
  }
}

function read(cpu: CpuCore, from: number, to: number): void {
  const { image, memory } = cpu;
  for (let at = from; at < to; at += 4) {
    const word = memory.read32((cpu.low + at) | 0, carry(cpu, at), 0);
    image[at] = word;
    image[at + 1] = word >>> 8;
    image[at + 2] = word >>> 16;
    image[at + 3] = word >>> 24;
  }
}

/** Upper halves of YMM registers, of which eight are left alone outside of 64-bit mode. */
const upperWords = (cpu: CpuCore): number => (cpu.is64 ? 64 : 32);

function writeUpper(cpu: CpuCore): void {
  const { memory, state } = cpu;
  for (let n = 0; n < upperWords(cpu); n++) {
    const at = vectorAt + n * 4;
    memory.write32((cpu.low + at) | 0, carry(cpu, at), 0, state.i32[(ymmHighOffset(0) >> 2) + n]);
  }
}

function readUpper(cpu: CpuCore, present: boolean): void {
  const { memory, state } = cpu;
  for (let n = 0; n < upperWords(cpu); n++) {
    const at = vectorAt + n * 4;
    state.i32[(ymmHighOffset(0) >> 2) + n] = present ? memory.read32((cpu.low + at) | 0, carry(cpu, at), 0) : 0;
  }
}

function isVectorInitial({ state }: CpuCore): boolean {
  const first = ymmHighOffset(0) >> 2;
  for (let n = 0; n < 64; n++) if (state.i32[first + n] !== 0) return false;
  return true;
}

/** Without REX.W the pointers are 32 bits of offset and 16 of selector. */
function narrowPointers(cpu: CpuCore): void {
  const { image, state } = cpu;
  const view = new DataView(image.buffer);
  view.setUint32(12, state.get16(layout.x87Cs.offset), true);
  view.setUint32(20, state.get16(layout.x87Ds.offset), true);
}

/** After `writeFpuImage`: selectors, and what exceptions are pending. */
function settle(cpu: CpuCore, wide: boolean): void {
  const { state } = cpu;
  const { x87Cs, x87Ds, x87Ip, x87Dp } = layout;
  state.set16(x87Cs.offset, wide ? 0 : state.high(x87Ip.offset));
  state.set16(x87Ds.offset, wide ? 0 : state.high(x87Dp.offset));
  if (!wide) {
    state.set64(x87Ip.offset, state.low(x87Ip.offset), 0);
    state.set64(x87Dp.offset, state.low(x87Dp.offset), 0);
  }
  cpu.unitsChanged();
}

function checkLegacy(cpu: CpuCore): void {
  if ((cpu.state.cr0 & (Cr0.em | Cr0.ts)) !== 0) cpu.raise(Vector.nm);
}

export const fxsave: HelperImplementation = cpu => {
  const { image, memory, state } = cpu;
  checkLegacy(cpu);
  locate(cpu, fxsaveSize, 16, Access.write);
  memory.probeWrite(cpu.low, cpu.high, fxsaveSize, 0);
  readFpuImage(state, image);
  if (state.argument(2) === 0) narrowPointers(cpu);
  const vectors = (state.cr4 & Cr4.osfxsr) !== 0;
  write(cpu, 0, vectors ? vectorsEnd(cpu) : vectorsAt);
  return Status.done;
};

export const fxrstor: HelperImplementation = cpu => {
  const { image, memory, state } = cpu;
  checkLegacy(cpu);
  locate(cpu, fxsaveSize, 16, Access.read);
  memory.probeRead(cpu.low, cpu.high, fxsaveSize, 0);
  const vectors = (state.cr4 & Cr4.osfxsr) !== 0;
  readFpuImage(state, image);
  const mxcsr = state.get32(layout.mxcsr.offset);
  read(cpu, 0, vectors ? vectorsEnd(cpu) : vectorsAt);
  const view = new DataView(image.buffer);
  if (vectors && (view.getUint32(mxcsrAt, true) & ~mxcsrMask) !== 0) cpu.raise(Vector.gp, 0);
  if (!vectors) view.setUint32(mxcsrAt, mxcsr, true);
  writeFpuImage(state, image);
  settle(cpu, state.argument(2) !== 0);
  return Status.done;
};

function checkExtended(cpu: CpuCore): void {
  const { state } = cpu;
  if ((state.cr4 & Cr4.osxsave) === 0) cpu.raise(Vector.ud);
  if ((state.cr0 & Cr0.ts) !== 0) cpu.raise(Vector.nm);
}

/** Components in EDX:EAX that XCR0 enables. */
const requested = ({ state }: CpuCore): number => state.low(layout.xcr0.offset) & state.gprLow(Gpr.rax);

/** Bytes of the area that may be touched: all up to the last component that is asked for. */
const extent = (components: number): number => areaSize(components & Xcr0.avx);

/** Registers of the components in the standard format. */
function saveComponents(cpu: CpuCore, components: number): void {
  const { image, state } = cpu;
  readFpuImage(state, image);
  if (state.argument(2) === 0) narrowPointers(cpu);
  if ((components & Xcr0.x87) !== 0) {
    write(cpu, 0, mxcsrAt);
    write(cpu, registersAt, vectorsAt);
  }
  // MXCSR goes with AVX, too.
  if ((components & (Xcr0.sse | Xcr0.avx)) !== 0) write(cpu, mxcsrAt, registersAt);
  if ((components & Xcr0.sse) !== 0) write(cpu, vectorsAt, vectorsEnd(cpu));
  if ((components & Xcr0.avx) !== 0) writeUpper(cpu);
}

export const xsave: HelperImplementation = cpu => {
  const { memory } = cpu;
  checkExtended(cpu);
  const components = requested(cpu);
  locate(cpu, extent(components), 64, Access.write);
  memory.probeWrite(cpu.low, cpu.high, extent(components), 0);
  saveComponents(cpu, components);
  const present = memory.read32((cpu.low + headerAt) | 0, carry(cpu, headerAt), 0);
  memory.write32((cpu.low + headerAt) | 0, carry(cpu, headerAt), 0, (present & ~components) | components);
  return Status.done;
};

/** Saves all that XSAVE would: that nothing has changed since is never known, but for the initial state. */
export const xsaveopt: HelperImplementation = cpu => {
  const { memory } = cpu;
  checkExtended(cpu);
  const components = requested(cpu);
  locate(cpu, extent(components), 64, Access.write);
  memory.probeWrite(cpu.low, cpu.high, extent(components), 0);
  const used = components & ~(isVectorInitial(cpu) ? Xcr0.avx : 0);
  saveComponents(cpu, used);
  const present = memory.read32((cpu.low + headerAt) | 0, carry(cpu, headerAt), 0);
  memory.write32((cpu.low + headerAt) | 0, carry(cpu, headerAt), 0, (present & ~components) | used);
  return Status.done;
};

/** Components in their initial state, but for SSE where MXCSR is not (SDM vol. 1, section 13.6). */
function initialComponents(cpu: CpuCore): number {
  const { image, state } = cpu;
  readFpuImage(state, image);
  const isZero = (from: number, to: number): boolean => {
    for (let at = from; at < to; at++) if (image[at] !== 0) return false;
    return true;
  };
  const control = new DataView(image.buffer).getUint16(0, true);
  let initial = isVectorInitial(cpu) ? Xcr0.avx : 0;
  if (control === 0x37f && isZero(2, mxcsrAt) && isZero(registersAt, vectorsAt)) initial |= Xcr0.x87;
  if (isZero(vectorsAt, vectorsEnd(cpu)) && state.get32(layout.mxcsr.offset) === mxcsrInitial) initial |= Xcr0.sse;
  return initial;
}

export const xgetbv: HelperImplementation = cpu => {
  const { state } = cpu;
  const enabled = state.low(layout.xcr0.offset);
  const number = state.argument(0);
  if (number === 0) state.setResult(0, enabled, state.high(layout.xcr0.offset));
  else if (number === 1 && cpu.model.features.has('xgetbv1')) state.setResult(0, enabled & ~initialComponents(cpu), 0);
  else cpu.raise(Vector.gp, 0);
  return Status.done;
};

/** The compacted format: components in their initial state are not written (SDM vol. 1, section 13.10). */
export const xsavec: HelperImplementation = cpu => {
  const { memory } = cpu;
  checkExtended(cpu);
  const components = requested(cpu);
  locate(cpu, extent(components), 64, Access.write);
  memory.probeWrite(cpu.low, cpu.high, extent(components), 0);
  const used = components & ~initialComponents(cpu);
  saveComponents(cpu, used);
  const header = (offset: number, value: number): void =>
    memory.write32((cpu.low + headerAt + offset) | 0, carry(cpu, headerAt + offset), 0, value);
  header(0, used);
  header(4, 0);
  header(8, components);
  header(12, compacted);
  return Status.done;
};

/** XSTATE_BV may name what XCR0 enables; XCOMP_BV is 0, or has bit 63 and all of XSTATE_BV; the rest up to byte 63 or 23 is 0. */
function checkHeader(cpu: CpuCore, present: number, word: (offset: number) => number): void {
  const enabled = cpu.state.low(layout.xcr0.offset);
  const [low, high] = [word(headerAt + 8), word(headerAt + 12)];
  let reserved = (present & ~enabled) | word(headerAt + 4);
  if (high !== 0) {
    if (!cpu.model.features.has('xsavec')) reserved |= high;
    reserved |= (high ^ compacted) | (low & ~enabled) | (present & ~low);
  } else reserved |= low;
  for (let offset = 16; offset < (high !== 0 ? 64 : 24); offset += 4) reserved |= word(headerAt + offset);
  if (reserved !== 0) cpu.raise(Vector.gp, 0);
}

export const xrstor: HelperImplementation = cpu => {
  const { image, memory, state } = cpu;
  checkExtended(cpu);
  const components = requested(cpu);
  locate(cpu, extent(components), 64, Access.read);
  const word = (offset: number) => memory.read32((cpu.low + offset) | 0, carry(cpu, offset), 0);
  memory.probeRead(cpu.low, cpu.high, extent(components), 0);
  const present = word(headerAt);
  checkHeader(cpu, present, word);
  const isCompacted = word(headerAt + 12) !== 0;
  // In the compacted format MXCSR is SSE's alone, and like its registers initial where they are.
  const takesMxcsr = isCompacted ? (components & present & Xcr0.sse) !== 0 : (components & (Xcr0.sse | Xcr0.avx)) !== 0;
  const mxcsr = takesMxcsr ? word(mxcsrAt) : mxcsrInitial;
  if ((mxcsr & ~mxcsrMask) !== 0) cpu.raise(Vector.gp, 0);

  readFpuImage(state, image);
  const view = new DataView(image.buffer);
  const wide = state.argument(2) !== 0;
  if ((components & Xcr0.x87) !== 0) {
    image.fill(0, 0, mxcsrAt);
    image.fill(0, registersAt, vectorsAt);
    if ((present & Xcr0.x87) !== 0) {
      read(cpu, 0, mxcsrAt);
      read(cpu, registersAt, vectorsAt);
    } else view.setUint16(0, 0x37f, true);
  }
  if (takesMxcsr || (isCompacted && (components & Xcr0.sse) !== 0)) view.setUint32(mxcsrAt, mxcsr, true);
  if ((components & Xcr0.sse) !== 0) {
    if ((present & Xcr0.sse) !== 0) read(cpu, vectorsAt, vectorsEnd(cpu));
    else image.fill(0, vectorsAt, vectorsEnd(cpu));
  }
  if ((components & Xcr0.avx) !== 0) readUpper(cpu, (present & Xcr0.avx) !== 0);
  writeFpuImage(state, image);
  if ((components & Xcr0.x87) !== 0) settle(cpu, wide);
  return Status.done;
};
