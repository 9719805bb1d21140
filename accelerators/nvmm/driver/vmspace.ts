/**
 * The guest-physical address space of one machine: host mappings (the emulator's memory that the driver has taken over),
 * GPA mappings into them, and the nested page table, which is filled on demand by nested faults as a host's pager does.
 */
import { type HostMemory, MachineError, pageSize } from '#core';
import { Limit, Prot } from '../abi.ts';
import { Errno } from '../errno.ts';
import { type EntryFormat, largeSize, PageTable } from './page-table.ts';

interface HostMapping {
  readonly hva: number;
  readonly size: number;
  /** Where it is in the host's physical memory: contiguous. */
  readonly physical: number;
}

interface GuestMapping {
  readonly gpa: number;
  readonly size: number;
  readonly physical: number;
  readonly prot: number;
}

export class Vmspace {
  readonly table: PageTable;
  readonly #host: HostMapping[] = [];
  #guest: GuestMapping[] = [];

  constructor(
    private readonly memory: HostMemory,
    format: EntryFormat,
  ) {
    this.table = new PageTable(memory, format);
  }

  /** Sum of the host mappings, in bytes. */
  get ram(): number {
    return this.#host.reduce((sum, { size }) => sum + size, 0);
  }

  hvaMap(hva: number, size: number): Errno {
    if (hva === 0 || size <= 0 || !aligned(hva) || !aligned(size)) return Errno.EINVAL;
    const end = hva + size;
    for (const mapping of this.#host) {
      const mappingEnd = mapping.hva + mapping.size;
      if (hva >= mapping.hva && end <= mappingEnd) return Errno.OK;
      if (hva < mappingEnd && mapping.hva < end) return Errno.EEXIST;
    }
    if (this.#host.length === Limit.hostMappings) return Errno.ENOBUFS;
    try {
      // Large alignment lets the nested table use 2 MiB pages.
      this.#host.push({ hva, size, physical: this.memory.allocate(size / pageSize) });
    } catch (error) {
      if (!(error instanceof MachineError)) throw error;
      return Errno.ENOMEM;
    }
    return Errno.OK;
  }

  hvaUnmap(hva: number, size: number): Errno {
    const index = this.#host.findIndex(mapping => mapping.hva === hva && mapping.size === size);
    if (index < 0) return Errno.ENOENT;
    const [mapping] = this.#host.splice(index, 1);
    const { physical } = mapping!;
    for (const guest of this.#guest.filter(g => g.physical >= physical && g.physical < physical + size)) {
      this.table.remove(guest.gpa, guest.size);
    }
    this.#guest = this.#guest.filter(g => g.physical < physical || g.physical >= physical + size);
    this.memory.free(physical, size / pageSize);
    return Errno.OK;
  }

  gpaMap(hva: number, gpa: number, size: number, prot: number): Errno {
    if (prot & ~(Prot.read | Prot.write | Prot.execute)) return Errno.EINVAL;
    if (hva === 0 || size <= 0 || !aligned(gpa) || !aligned(size) || !aligned(hva)) return Errno.EINVAL;
    if (gpa < 0 || gpa + size > Limit.ram) return Errno.EINVAL;
    const physical = this.physicalOf(hva, size);
    if (physical < 0) return Errno.EINVAL;
    this.gpaUnmap(gpa, size);
    this.#guest.push({ gpa, size, physical, prot });
    return Errno.OK;
  }

  /** Takes away whatever is mapped in the range. */
  gpaUnmap(gpa: number, size: number): Errno {
    if (size <= 0 || !aligned(gpa) || !aligned(size) || gpa < 0 || gpa + size > Limit.ram) return Errno.EINVAL;
    const end = gpa + size;
    this.table.remove(gpa, size);
    this.#guest = this.#guest.flatMap(mapping => {
      const mappingEnd = mapping.gpa + mapping.size;
      if (mappingEnd <= gpa || mapping.gpa >= end) return [mapping];
      const left = { ...mapping, size: Math.max(0, gpa - mapping.gpa) };
      const right = {
        ...mapping,
        gpa: end,
        size: Math.max(0, mappingEnd - end),
        physical: mapping.physical + (end - mapping.gpa),
      };
      return [left, right].filter(part => part.size > 0);
    });
    return Errno.OK;
  }

  /** Physical address of host-virtual memory that lies in one mapping; -1 otherwise. */
  physicalOf(hva: number, size: number): number {
    const mapping = this.#host.find(m => hva >= m.hva && hva + size <= m.hva + m.size);
    return mapping ? mapping.physical + (hva - mapping.hva) : -1;
  }

  /** Physical address of guest-physical memory; -1 where none is mapped. */
  physicalOfGuest(gpa: number): number {
    const mapping = this.#guest.find(m => gpa >= m.gpa && gpa < m.gpa + m.size);
    return mapping ? mapping.physical + (gpa - mapping.gpa) : -1;
  }

  /** A nested fault: enters the page if a mapping allows the access. EFAULT: the emulator's business (MMIO, a write to ROM). */
  fault(gpa: number, prot: number): Errno {
    const mapping = this.#guest.find(m => gpa >= m.gpa && gpa < m.gpa + m.size);
    if (gpa >= Limit.ram || !mapping || (mapping.prot & prot) !== prot) return Errno.EFAULT;
    if (this.memory.free4k < PageTable.deepest) return Errno.ENOMEM;
    const largeStart = gpa - (gpa % largeSize);
    const offset = largeStart - mapping.gpa;
    const large =
      offset >= 0 &&
      largeStart + largeSize <= mapping.gpa + mapping.size &&
      (mapping.physical + offset) % largeSize === 0;
    const start = large ? largeStart : gpa - (gpa % pageSize);
    this.table.enter(start, mapping.physical + (start - mapping.gpa), mapping.prot, large);
    return Errno.OK;
  }

  destroy(): void {
    this.table.destroy();
    for (const { physical, size } of this.#host) this.memory.free(physical, size / pageSize);
    this.#host.length = 0;
    this.#guest = [];
  }
}

const aligned = (value: number): boolean => Number.isSafeInteger(value) && value % pageSize === 0;
