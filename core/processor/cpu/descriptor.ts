/** Descriptors of the GDT, LDT and IDT (SDM vol. 3, sections 3.4.5 and 6.11). */

import { Segment } from '../state/layout.ts';
import { Access } from '../state/leave.ts';
import { Attribute } from '../state/registers.ts';
import type { CpuCore } from './core.ts';

/** Types of system descriptors. */
export const SystemType = {
  tss16: 1,
  ldt: 2,
  busyTss16: 3,
  callGate16: 4,
  taskGate: 5,
  interruptGate16: 6,
  trapGate16: 7,
  tss32: 9,
  busyTss32: 11,
  callGate32: 12,
  interruptGate32: 14,
  trapGate32: 15,
} as const;

export class Descriptor {
  low = 0;
  high = 0;
  /** System descriptors of IA-32e mode have 16 bytes: bits 95:64 and 127:96. */
  upper = 0;
  top = 0;
  /** Where it was read from. */
  addressLow = 0;
  addressHigh = 0;

  /** Packed as in the state block (layout.ts). */
  get attributes(): number {
    return ((this.high >>> 8) & 0xff) | ((this.high >>> 12) & 0xf00);
  }
  get type(): number {
    return (this.high >>> 8) & 0xf;
  }
  get isSegment(): boolean {
    return (this.high & 0x1000) !== 0;
  }
  get isCode(): boolean {
    return (this.high & 0x1800) === 0x1800;
  }
  get isConforming(): boolean {
    return (this.high & 0x1c00) === 0x1c00;
  }
  /** Data that can be written. */
  get isWritable(): boolean {
    return (this.high & 0x1a00) === 0x1200;
  }
  get isReadable(): boolean {
    return (this.high & 0x1800) !== 0x1800 || (this.high & 0x200) !== 0;
  }
  get dpl(): number {
    return (this.high >>> 13) & 3;
  }
  get present(): boolean {
    return (this.high & 0x8000) !== 0;
  }
  get long(): boolean {
    return (this.high & 0x20_0000) !== 0;
  }
  get big(): boolean {
    return (this.high & 0x40_0000) !== 0;
  }
  get base(): number {
    return (this.low >>> 16) | ((this.high & 0xff) << 16) | (this.high & 0xff00_0000);
  }
  /** In bytes, as int32. */
  get limit(): number {
    const limit = (this.low & 0xffff) | (this.high & 0xf_0000);
    return (this.high & 0x80_0000) !== 0 ? (limit << 12) | 0xfff : limit;
  }

  // Gates
  get gateSelector(): number {
    return this.low >>> 16;
  }
  get gateOffset(): number {
    return (this.low & 0xffff) | (this.high & 0xffff_0000);
  }
  get gateParameters(): number {
    return this.high & 0x1f;
  }
}

/** Reads the descriptor of a selector. False: it lies outside of its table. */
export function readDescriptor(cpu: CpuCore, selector: number, into: Descriptor): boolean {
  const { memory, state } = cpu;
  const table = (selector & 4) !== 0 ? Segment.ldtr : Segment.gdtr;
  if (table === Segment.ldtr && (state.attributes(Segment.ldtr) & Attribute.present) === 0) return false;
  const offset = selector & 0xfff8;
  if (offset + 7 > state.limit(table)) return false;
  address(cpu, table, offset, into);
  into.low = memory.read64(into.addressLow, into.addressHigh, Access.implicit);
  into.high = memory.upper;
  return true;
}

/** Reads the upper half of a 16-byte descriptor that `readDescriptor` has read. False: it lies outside of its table. */
export function readUpperHalf(cpu: CpuCore, selector: number, descriptor: Descriptor): boolean {
  const { memory, state } = cpu;
  const table = (selector & 4) !== 0 ? Segment.ldtr : Segment.gdtr;
  if ((selector & 0xfff8) + 15 > state.limit(table)) return false;
  const low = (descriptor.addressLow + 8) | 0;
  const high = low >>> 0 < 8 ? (descriptor.addressHigh + 1) | 0 : descriptor.addressHigh;
  descriptor.upper = memory.read64(low, high, Access.implicit);
  descriptor.top = memory.upper;
  return true;
}

/** The address of a byte of a table: 64 bits in IA-32e mode, else it wraps at 4 GiB. */
export function address(cpu: CpuCore, table: number, offset: number, into: Descriptor): void {
  const { state } = cpu;
  const base = state.baseLow(table);
  const low = (base + offset) | 0;
  into.addressLow = low;
  into.addressHigh = cpu.isLong ? (state.baseHigh(table) + (low >>> 0 < base >>> 0 ? 1 : 0)) | 0 : 0;
}

/** Sets the accessed bit of a segment descriptor in its table, if it is clear. */
export function markAccessed(cpu: CpuCore, descriptor: Descriptor): void {
  if ((descriptor.high & 0x100) !== 0) return;
  descriptor.high |= 0x100;
  writeType(cpu, descriptor);
}

/** Writes back the byte with the type: accessed and busy bits. */
export function writeType(cpu: CpuCore, descriptor: Descriptor): void {
  const low = (descriptor.addressLow + 5) | 0;
  const high = low >>> 0 < 5 && cpu.isLong ? (descriptor.addressHigh + 1) | 0 : descriptor.addressHigh;
  cpu.memory.write8(low, high, Access.implicit, (descriptor.high >>> 8) & 0xff);
}
