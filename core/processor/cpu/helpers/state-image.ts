/** FXSAVE, FXRSTOR, XSAVE, XRSTOR (SDM vol. 1, sections 10.5 and 13.7 to 13.8): x87 and SSE state, standard format. */
import { fxsaveSize, mxcsrMask, readFpuImage, writeFpuImage } from '../../state/fpu-image.ts';
import { state as layout } from '../../state/layout.ts';
import { Access, Status } from '../../state/leave.ts';
import { Cr0, Cr4, Gpr, Vector } from '../../state/registers.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';

const Component = { x87: 1, sse: 2 } as const;
const registersAt = 32;
const vectorsAt = 160;
const mxcsrAt = 24;
const headerAt = 512;
const headerSize = 64;

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

export const xsave: HelperImplementation = cpu => {
  const { image, memory, state } = cpu;
  checkExtended(cpu);
  locate(cpu, headerAt + headerSize, 64, Access.write);
  const components = requested(cpu);
  memory.probeWrite(cpu.low, cpu.high, headerAt + headerSize, 0);
  readFpuImage(state, image);
  if (state.argument(2) === 0) narrowPointers(cpu);
  if ((components & Component.x87) !== 0) {
    write(cpu, 0, mxcsrAt);
    write(cpu, registersAt, vectorsAt);
  }
  if ((components & Component.sse) !== 0) {
    write(cpu, mxcsrAt, registersAt);
    write(cpu, vectorsAt, vectorsEnd(cpu));
  }
  const present = memory.read32((cpu.low + headerAt) | 0, carry(cpu, headerAt), 0);
  memory.write32((cpu.low + headerAt) | 0, carry(cpu, headerAt), 0, (present & ~components) | components);
  return Status.done;
};

/** Saves all that XSAVE would: that nothing has changed since is never known. */
export const xsaveopt = xsave;

export const xrstor: HelperImplementation = cpu => {
  const { image, memory, state } = cpu;
  checkExtended(cpu);
  locate(cpu, headerAt + headerSize, 64, Access.read);
  const components = requested(cpu);
  const word = (offset: number) => memory.read32((cpu.low + offset) | 0, carry(cpu, offset), 0);
  memory.probeRead(cpu.low, cpu.high, headerAt + headerSize, 0);
  const present = word(headerAt);
  let reserved = present & ~state.low(layout.xcr0.offset);
  // The upper half of XSTATE_BV, XCOMP_BV and what follows up to byte 23 must be 0.
  for (let offset = headerAt + 4; offset < headerAt + 24; offset += 4) reserved |= word(offset);
  if (reserved !== 0) cpu.raise(Vector.gp, 0);
  const mxcsr = word(mxcsrAt);
  if ((components & Component.sse) !== 0 && (mxcsr & ~mxcsrMask) !== 0) cpu.raise(Vector.gp, 0);

  readFpuImage(state, image);
  const view = new DataView(image.buffer);
  const wide = state.argument(2) !== 0;
  if ((components & Component.x87) !== 0) {
    image.fill(0, 0, mxcsrAt);
    image.fill(0, registersAt, vectorsAt);
    if ((present & Component.x87) !== 0) {
      read(cpu, 0, mxcsrAt);
      read(cpu, registersAt, vectorsAt);
    } else view.setUint16(0, 0x37f, true);
  }
  if ((components & Component.sse) !== 0) {
    view.setUint32(mxcsrAt, mxcsr, true);
    if ((present & Component.sse) !== 0) read(cpu, vectorsAt, vectorsEnd(cpu));
    else image.fill(0, vectorsAt, vectorsEnd(cpu));
  }
  writeFpuImage(state, image);
  if ((components & Component.x87) !== 0) settle(cpu, wide);
  return Status.done;
};
