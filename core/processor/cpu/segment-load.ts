/** Loading of segment registers (SDM vol. 2, MOV; vol. 3, section 5.6 to 5.8). */
import { Segment } from '../state/layout.ts';
import { Attribute, Vector } from '../state/registers.ts';
import type { CpuCore } from './core.ts';
import { type Descriptor, markAccessed, readDescriptor } from './descriptor.ts';

/** Attributes that real mode gives a segment: present, read/write, accessed. */
export const realAttributes: number = Attribute.present | Attribute.segment | Attribute.writable | Attribute.accessed;
/** In virtual-8086 mode: DPL 3 on top of that. */
export const virtualAttributes: number = realAttributes | Attribute.dpl;

/** Data segment registers and SS, as MOV, POP and far pointer loads do. Faults before anything has changed. */
export function loadSegment(cpu: CpuCore, segment: number, selector: number): void {
  const { state, descriptor } = cpu;
  if (!cpu.isProtected) loadRealSegment(cpu, segment, selector);
  else if ((selector & 0xfffc) === 0) {
    if (segment === Segment.ss) {
      const { cpl } = state;
      if (!cpu.is64 || cpl === 3 || (selector & 3) !== cpl) cpu.raise(Vector.gp, 0);
      loadNullStack(cpu, selector, cpl);
    } else loadNull(cpu, segment, selector);
  } else if (segment === Segment.ss) {
    checkStackSegment(cpu, selector, state.cpl, descriptor, Vector.gp, 0);
    markAccessed(cpu, descriptor);
    setFromDescriptor(cpu, segment, selector, descriptor);
  } else {
    const error = selector & 0xfffc;
    if (!readDescriptor(cpu, selector, descriptor)) cpu.raise(Vector.gp, error);
    if (!descriptor.isSegment || !descriptor.isReadable) cpu.raise(Vector.gp, error);
    if (!descriptor.isConforming && Math.max(selector & 3, state.cpl) > descriptor.dpl) cpu.raise(Vector.gp, error);
    if (!descriptor.present) cpu.raise(Vector.np, error);
    markAccessed(cpu, descriptor);
    setFromDescriptor(cpu, segment, selector, descriptor);
  }
  cpu.modeChanged();
}

/**
 * Reads and checks a stack segment's descriptor for a privilege. Wrong selectors are `vector` (#GP, or #TS where the selector came out
 * of a TSS); `external` is added to error codes.
 */
export function checkStackSegment(
  cpu: CpuCore,
  selector: number,
  privilege: number,
  into: Descriptor,
  vector: number,
  external: number,
): void {
  const error = (selector & 0xfffc) | external;
  if ((selector & 0xfffc) === 0) cpu.raise(vector, external);
  if (!readDescriptor(cpu, selector, into)) cpu.raise(vector, error);
  if ((selector & 3) !== privilege || into.dpl !== privilege || !into.isWritable) cpu.raise(vector, error);
  if (!into.present) cpu.raise(Vector.ss, error);
}

export function setFromDescriptor(cpu: CpuCore, segment: number, selector: number, descriptor: Descriptor): void {
  cpu.state.setSegment(segment, selector, descriptor.attributes, descriptor.limit, descriptor.base, 0);
}

/** A null selector in a data segment register: unusable, base 0. */
export function loadNull(cpu: CpuCore, segment: number, selector: number): void {
  cpu.state.setSegment(segment, selector, 0, 0, 0, 0);
}

/** SS in 64-bit mode may be null; its DPL follows the privilege level. */
export function loadNullStack(cpu: CpuCore, selector: number, privilege: number): void {
  cpu.state.setSegment(Segment.ss, selector, privilege << 5, 0, 0, 0);
}

/** Real mode keeps limit, D and G of whatever was loaded before; virtual-8086 mode does not. */
export function loadRealSegment(cpu: CpuCore, segment: number, selector: number): void {
  const { state } = cpu;
  if (cpu.isVirtual8086) state.setSegment(segment, selector, virtualAttributes, 0xffff, selector << 4, 0);
  else {
    const kept = state.attributes(segment) & (Attribute.big | Attribute.granular);
    const limit = state.limit(segment) === 0 ? 0xffff : state.limit(segment);
    state.setSegment(segment, selector, kept | realAttributes, limit | 0, selector << 4, 0);
  }
}

/** Code segment from a descriptor, with the privilege level that execution is to have. */
export function setCode(cpu: CpuCore, selector: number, descriptor: Descriptor, privilege: number): void {
  setFromDescriptor(cpu, Segment.cs, (selector & 0xfffc) | privilege, descriptor);
  cpu.cpl = privilege;
}

/** After a return to an outer level: data segments that it may not use become null (SDM vol. 2, RET). */
export function dropPrivilegedSegments(cpu: CpuCore): void {
  const { state } = cpu;
  const { cpl } = state;
  for (let segment: number = Segment.es; segment <= Segment.gs; segment++) {
    if (segment === Segment.cs || segment === Segment.ss) continue;
    const attributes = state.attributes(segment);
    if ((attributes & Attribute.present) === 0) {
      if (state.selector(segment) !== 0)
        state.setSegment(
          segment,
          0,
          attributes,
          state.limit(segment) | 0,
          state.baseLow(segment),
          state.baseHigh(segment),
        );
      continue;
    }
    const conforming =
      (attributes & (Attribute.code | Attribute.conforming)) === (Attribute.code | Attribute.conforming);
    if (!conforming && ((attributes >> 5) & 3) < cpl) loadNull(cpu, segment, 0);
  }
}
