/** Regions of physical memory: what lies where in linear memory, and what may be done there. */
import { Access } from '../state/leave.ts';
import { pageSize } from './page.ts';

export const allRights = Access.read | Access.write | Access.execute;

export interface PhysicalRegion {
  /** Guest-physical, page-aligned. */
  readonly base: number;
  readonly size: number;
  /** Address in linear memory, page-aligned. */
  readonly offset: number;
  readonly writable: boolean;
  /** Default: true. */
  readonly readable?: boolean;
  readonly executable?: boolean;
  /**
   * What a CPU may not do here ends its run (`Leave.guarded`) instead of going to the board. Fetching code that is not executable always
   * does. Default: false.
   */
  readonly guarded?: boolean;
}

export interface Frames {
  /** First page frame number, as int32. */
  readonly first: number;
  readonly pages: number;
  readonly offset: number;
  /** Access bits. */
  readonly rights: number;
  /** The Access bits that are guarded. */
  readonly guards: number;
}

/** Rights of a part of memory, as sums of Access bits. */
export interface PageRights {
  readonly access: number;
  readonly guarded: boolean;
}

export function framesOf({
  base,
  size,
  offset,
  writable,
  readable = true,
  executable = true,
  guarded = false,
}: PhysicalRegion): Frames {
  const rights = (readable ? Access.read : 0) | (writable ? Access.write : 0) | (executable ? Access.execute : 0);
  const guards = ~rights & (guarded ? allRights : Access.execute);
  return { first: (base / pageSize) | 0, pages: size / pageSize, offset: offset | 0, rights, guards };
}

/** The part of a region that lies in a range. */
export function within(region: PhysicalRegion, start: number, end: number): PhysicalRegion[] {
  const base = Math.max(region.base, start);
  const size = Math.min(region.base + region.size, end) - base;
  return size > 0 ? [{ ...region, base, size, offset: region.offset + (base - region.base) }] : [];
}

/** Neighbours with equal rights that lie side by side in linear memory, too, become one. */
export function joined(regions: readonly PhysicalRegion[]): PhysicalRegion[] {
  const result: PhysicalRegion[] = [];
  for (const region of regions.toSorted((left, right) => left.base - right.base)) {
    const before = result.at(-1);
    if (before && before.base + before.size === region.base && before.offset + before.size === region.offset) {
      const { rights, guards } = framesOf(before);
      const own = framesOf(region);
      if (rights === own.rights && guards === own.guards) {
        result[result.length - 1] = { ...before, size: before.size + region.size };
        continue;
      }
    }
    result.push(region);
  }
  return result;
}

/** The parts of a region that do not lie in a range. */
export function without(region: PhysicalRegion, start: number, end: number): PhysicalRegion[] {
  const regionEnd = region.base + region.size;
  if (end <= region.base || regionEnd <= start) return [region];
  const parts: PhysicalRegion[] = [];
  if (region.base < start) parts.push({ ...region, size: start - region.base });
  if (end < regionEnd) {
    const cut = end - region.base;
    parts.push({ ...region, base: end, size: region.size - cut, offset: region.offset + cut });
  }
  return parts;
}
