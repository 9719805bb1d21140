/** Segment registers, LDTR and TR; and the instructions that ask about selectors (SDM vol. 2). */
import { isCanonical } from '../../mmu/segmentation.ts';
import { Segment } from '../../state/layout.ts';
import { Status } from '../../state/leave.ts';
import { InterruptShadow, Vector } from '../../state/registers.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';
import { readDescriptor, readUpperHalf, SystemType, writeType } from '../descriptor.ts';
import { loadSegment } from '../segment-load.ts';

const finish = (cpu: CpuCore, segment: number): Status =>
  segment === Segment.ss ? cpu.shadow(InterruptShadow.stack) : cpu.transferred();

export const moveToSegment: HelperImplementation = cpu => {
  const segment = cpu.state.argument(0);
  if (segment === Segment.cs || segment > Segment.gs) cpu.raise(Vector.ud);
  loadSegment(cpu, segment, cpu.state.argument(1) & 0xffff);
  return finish(cpu, segment);
};

export const popSegment: HelperImplementation = cpu => {
  const { state } = cpu;
  const segment = state.argument(0);
  const bytes = state.argument(2);
  const width = state.argument(3) as 16 | 32 | 64;
  loadSegment(cpu, segment, state.argument(1) & 0xffff);
  const low = (state.gprLow(4) + bytes) | 0;
  const carry = low >>> 0 < bytes ? 1 : 0;
  state.setGpr(4, width, low, (state.gprHigh(4) + carry) | 0);
  return finish(cpu, segment);
};

/** LSS opens no shadow: it loads both at once. */
export const loadFarPointer: HelperImplementation = cpu => {
  const { state } = cpu;
  const target = state.argument(2);
  const low = state.argument(3);
  const high = state.argumentHigh(3);
  const width = state.argument(4) as 16 | 32 | 64;
  loadSegment(cpu, state.argument(0), state.argument(1) & 0xffff);
  state.setGpr(target >> 3, width, low, high);
  return cpu.transferred();
};

export const lldt: HelperImplementation = cpu => {
  const { descriptor, state } = cpu;
  const selector = state.argument(0) & 0xffff;
  const error = selector & 0xfffc;
  if (error === 0) {
    state.setSegment(Segment.ldtr, selector, 0, 0, 0, 0);
    return Status.done;
  }
  if ((selector & 4) !== 0 || !readDescriptor(cpu, selector, descriptor)) cpu.raise(Vector.gp, error);
  if (descriptor.isSegment || descriptor.type !== SystemType.ldt) cpu.raise(Vector.gp, error);
  const baseHigh = upperBase(cpu, selector);
  if (!descriptor.present) cpu.raise(Vector.np, error);
  state.setSegment(Segment.ldtr, selector, descriptor.attributes, descriptor.limit, descriptor.base, baseHigh);
  return Status.done;
};

export const ltr: HelperImplementation = cpu => {
  const { descriptor, state } = cpu;
  const selector = state.argument(0) & 0xffff;
  const error = selector & 0xfffc;
  if (error === 0) cpu.raise(Vector.gp, 0);
  if ((selector & 4) !== 0 || !readDescriptor(cpu, selector, descriptor)) cpu.raise(Vector.gp, error);
  const { type } = descriptor;
  if (descriptor.isSegment || !(type === SystemType.tss32 || (type === SystemType.tss16 && !cpu.isLong)))
    cpu.raise(Vector.gp, error);
  const baseHigh = upperBase(cpu, selector);
  if (!descriptor.present) cpu.raise(Vector.np, error);
  descriptor.high |= 0x200;
  writeType(cpu, descriptor);
  state.setSegment(Segment.tr, selector, descriptor.attributes, descriptor.limit, descriptor.base, baseHigh);
  return Status.done;
};

/** Bits 63:32 of a system descriptor's base in IA-32e mode. */
function upperBase(cpu: CpuCore, selector: number): number {
  if (!cpu.isLong) return 0;
  const { descriptor } = cpu;
  const valid = readUpperHalf(cpu, selector, descriptor) && (descriptor.top & 0x1f00) === 0;
  if (!valid || !isCanonical(descriptor.upper)) cpu.raise(Vector.gp, selector & 0xfffc);
  return descriptor.upper;
}

/** Bit n: LAR (LSL) knows system descriptors of type n; outside of IA-32e mode, and in it. */
const larTypes = [0b1_1010_0011_1110, 0b1_1010_0000_0100] as const;
const lslTypes = [0b0_1010_0000_1110, 0b0_1010_0000_0100] as const;

/** Reads the selector's descriptor. Whether LAR, LSL, VERR or VERW may see it. */
function visible(cpu: CpuCore, selector: number, systemTypes: number): boolean {
  const { descriptor } = cpu;
  if ((selector & 0xfffc) === 0 || !readDescriptor(cpu, selector, descriptor)) return false;
  if (!descriptor.isSegment && ((systemTypes >> descriptor.type) & 1) === 0) return false;
  if (descriptor.isConforming) return true;
  return Math.max(cpu.cpl, selector & 3) <= descriptor.dpl;
}

export const lar: HelperImplementation = cpu => {
  const { descriptor, state } = cpu;
  const good = visible(cpu, state.argument(0) & 0xffff, larTypes[cpu.isLong ? 1 : 0]);
  state.setResult(0, good ? descriptor.high & 0x00f0_ff00 : 0);
  state.setResult(1, good ? 1 : 0);
  return Status.done;
};

export const lsl: HelperImplementation = cpu => {
  const { descriptor, state } = cpu;
  const good = visible(cpu, state.argument(0) & 0xffff, lslTypes[cpu.isLong ? 1 : 0]);
  state.setResult(0, good ? descriptor.limit : 0);
  state.setResult(1, good ? 1 : 0);
  return Status.done;
};

export const verr: HelperImplementation = cpu => {
  const good = visible(cpu, cpu.state.argument(0) & 0xffff, 0) && cpu.descriptor.isReadable;
  cpu.state.setResult(0, good ? 1 : 0);
  return Status.done;
};

export const verw: HelperImplementation = cpu => {
  const good = visible(cpu, cpu.state.argument(0) & 0xffff, 0) && cpu.descriptor.isWritable;
  cpu.state.setResult(0, good ? 1 : 0);
  return Status.done;
};
