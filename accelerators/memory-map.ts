/** Guest-physical memory as the contract knows it: which blocks are mapped where, with which rights. */
import { MachineError } from '#core';
import type { Exit } from './exit.ts';

export const MapAccess = { read: 1, write: 2, execute: 4, readExecute: 5, all: 7 } as const;

/** Host memory that can be mapped into a guest. The bytes never move. */
export interface HostBlock {
  readonly size: number;
  readonly bytes: Uint8Array;
  /** To be called after `bytes` were written by anyone but the guest: decoded code may be stale, and the pages are dirty. */
  written(offset: number, length: number): void;
}

/** Part of a block at a guest-physical address. */
export interface Mapping {
  readonly gpa: number;
  readonly size: number;
  readonly block: HostBlock;
  readonly offset: number;
  /** A sum of MapAccess bits. */
  readonly access: number;
}

/** Rights that `protect` has given to a range, instead of its mapping's. */
export interface Protection {
  readonly gpa: number;
  readonly size: number;
  readonly access: number;
  /** An access that it does not grant ends `run`. */
  readonly exits: boolean;
}

export class MemoryMap {
  readonly #mappings: Mapping[] = [];
  #protections: Protection[] = [];
  /** Some access may end `run`. */
  #watchful = false;

  /** The parts of mappings that lie in a range, in no order. */
  parts(gpa: number, size: number): readonly Mapping[] {
    return this.#mappings.flatMap(mapping => {
      const start = Math.max(gpa, mapping.gpa);
      const end = Math.min(gpa + size, mapping.gpa + mapping.size);
      const offset = mapping.offset + (start - mapping.gpa);
      return start < end ? [{ ...mapping, gpa: start, size: end - start, offset }] : [];
    });
  }

  /** All of them that show a part of a block. */
  showing(block: HostBlock, offset: number, size: number): readonly Mapping[] {
    return this.#mappings.flatMap(mapping => {
      if (mapping.block !== block) return [];
      const start = Math.max(offset, mapping.offset);
      const end = Math.min(offset + size, mapping.offset + mapping.size);
      const gpa = mapping.gpa + (start - mapping.offset);
      return start < end ? [{ ...mapping, gpa, size: end - start, offset: start }] : [];
    });
  }

  find(gpa: number): Mapping | undefined {
    return this.#mappings.find(mapping => gpa >= mapping.gpa && gpa < mapping.gpa + mapping.size);
  }

  /** Words of guest memory, aligned; undefined where none is mapped. */
  load32(gpa: number): number | undefined {
    const mapping = this.find(gpa);
    if (!mapping) return undefined;
    const { buffer, byteOffset } = mapping.block.bytes;
    return new DataView(buffer, byteOffset + mapping.offset + (gpa - mapping.gpa), 4).getInt32(0, true);
  }
  load64(gpa: number): bigint | undefined {
    const low = this.load32(gpa);
    const high = this.load32(gpa + 4);
    return low === undefined || high === undefined ? undefined : (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  }

  add(mapping: Mapping): void {
    this.#mappings.push(mapping);
    this.#look();
  }

  /** Exactly one mapping. False: there is none like it. */
  remove(gpa: number, size: number): boolean {
    const index = this.#mappings.findIndex(mapping => mapping.gpa === gpa && mapping.size === size);
    if (index < 0) return false;
    this.#mappings.splice(index, 1);
    this.#protections = this.#protections.flatMap(each => outside(each, gpa, size));
    this.#look();
    return true;
  }

  /** A range of mapped pages gets rights of its own. */
  protect(protection: Protection): void {
    const { gpa, size } = protection;
    this.#protections = [...this.#protections.flatMap(each => outside(each, gpa, size)), protection];
    this.#look();
  }

  /** The exit that an access ends with; undefined where it is granted, or the board's. */
  violation(gpa: number, access: number): (Exit & { readonly reason: 'protection' }) | undefined {
    if (!this.#watchful) return undefined;
    const mapping = this.find(gpa);
    if (!mapping) return undefined;
    const protection = this.#protections.find(each => gpa >= each.gpa && gpa < each.gpa + each.size);
    if ((protection ?? mapping).access & access) return undefined;
    // Instructions cannot be fetched from the board.
    if (!protection?.exits && access !== MapAccess.execute) return undefined;
    return { reason: 'protection', gpa, access: access as 1 | 2 | 4 };
  }

  #look(): void {
    const restricted = ({ access }: { access: number }): boolean => (access & MapAccess.execute) === 0;
    this.#watchful = this.#mappings.some(restricted) || this.#protections.some(each => each.exits || restricted(each));
  }
}

function outside(protection: Protection, gpa: number, size: number): Protection[] {
  const end = protection.gpa + protection.size;
  if (end <= gpa || gpa + size <= protection.gpa) return [protection];
  const parts: Protection[] = [];
  if (protection.gpa < gpa) parts.push({ ...protection, size: gpa - protection.gpa });
  if (gpa + size < end) parts.push({ ...protection, gpa: gpa + size, size: end - (gpa + size) });
  return parts;
}

const page = 4096;
const hex = (value: number): string => `0x${value.toString(16)}`;

export const mapError = (message: string): MachineError =>
  new MachineError('bad-call', message, { remedy: 'map whole, disjoint 4 KiB pages of allocated memory' });
export const protectError = (message: string): MachineError =>
  new MachineError('bad-call', message, { remedy: 'give whole 4 KiB pages that are mapped' });

/** Throws unless it is a multiple of 4096. */
export function requirePages(what: string, value: number, error: (message: string) => MachineError): void {
  if (!Number.isSafeInteger(value) || value < 0 || value % page) throw error(`${what} ${value} is no multiple of 4096`);
}

/** Throws unless every page of a range is mapped. */
export function requireMapped(memory: MemoryMap, gpa: number, size: number): void {
  requirePages('gpa', gpa, protectError);
  requirePages('size', size, protectError);
  if (size === 0) throw protectError('a range of no bytes');
  const mapped = memory.parts(gpa, size).reduce((sum, part) => sum + part.size, 0);
  if (mapped !== size) throw protectError(`not all of ${hex(size)} bytes at ${hex(gpa)} is mapped`);
}
