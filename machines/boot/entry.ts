/** Entry states that the boot protocols share: real mode, flat 32-bit protected mode, and long mode over an identity map. */
import { Cr0, Cr4, Efer, Flag, type GuestMemory, pageSize } from '#core';
import type { BootRegister, BootSegment, BootSegmentName, BootState } from './boot-state.ts';

const codeSelector = 0x10;
const dataSelector = 0x18;

const descriptors = {
  code32: 0x00cf_9b00_0000_ffffn,
  code64: 0x00af_9b00_0000_ffffn,
  data: 0x00cf_9300_0000_ffffn,
} as const;

const flat = (selector: number, attributes: number): BootSegment => ({
  selector,
  base: 0,
  limit: 0xffff_ffff,
  attributes,
});
const code32 = flat(codeSelector, 0xc9b);
const code64 = flat(codeSelector, 0xa9b);
const data = flat(dataSelector, 0xc93);
const absent: BootSegment = { selector: 0, base: 0, limit: 0xffff, attributes: 0x082 };
const busyTask32: BootSegment = { selector: 0, base: 0, limit: 0x67, attributes: 0x08b };

const flatSegments = (code: BootSegment): Record<BootSegmentName, BootSegment> => ({
  cs: code,
  ds: data,
  es: data,
  fs: data,
  gs: data,
  ss: data,
  ldtr: absent,
  tr: busyTask32,
});

/** Bytes that `writeGdt` needs: two null descriptors, code, data. */
export const gdtSize = 32;

function writeGdt(memory: GuestMemory, base: number, code: bigint): void {
  memory.fill(base, gdtSize, 0);
  memory.write64(base + codeSelector, code);
  memory.write64(base + dataSelector, descriptors.data);
}

/** Bytes that `writeIdentityMap` needs: one PML4, one PDPT and four page directories. */
export const identityMapSize = 6 * pageSize;

/** Maps the first 4 GiB onto themselves with 2 MiB pages, which every long mode processor has. */
function writeIdentityMap(memory: GuestMemory, base: number): void {
  const presentWritable = 3;
  const largePage = 0x83;
  const pointers = base + pageSize;
  const directories = base + 2 * pageSize;
  memory.fill(base, identityMapSize, 0);
  memory.write32(base, pointers | presentWritable);
  for (let gigabyte = 0; gigabyte < 4; gigabyte++) {
    memory.write32(pointers + gigabyte * 8, (directories + gigabyte * pageSize) | presentWritable);
  }
  for (let page = 0; page < 4 * 512; page++) memory.write32(directories + page * 8, ((page << 21) | largePage) >>> 0);
}

export interface EntryOptions {
  readonly rip: number;
  readonly registers?: Partial<Record<BootRegister, number>>;
}

export function enterLongMode(
  memory: GuestMemory,
  { rip, registers = {}, gdt, pageTables }: EntryOptions & { gdt: number; pageTables: number },
): BootState {
  writeGdt(memory, gdt, descriptors.code64);
  writeIdentityMap(memory, pageTables);
  return {
    mode: 'long',
    rip,
    rflags: Flag.fixed,
    registers,
    segments: flatSegments(code64),
    gdt: { base: gdt, limit: gdtSize - 1 },
    idt: { base: 0, limit: 0 },
    cr0: (Cr0.pe | Cr0.et | Cr0.ne | Cr0.pg) >>> 0,
    cr3: pageTables,
    cr4: Cr4.pae,
    efer: Efer.lme | Efer.lma,
  };
}

export function enterProtectedMode(
  memory: GuestMemory,
  { rip, registers = {}, gdt }: EntryOptions & { gdt: number },
): BootState {
  writeGdt(memory, gdt, descriptors.code32);
  return {
    mode: 'protected',
    rip,
    rflags: Flag.fixed,
    registers,
    segments: flatSegments(code32),
    gdt: { base: gdt, limit: gdtSize - 1 },
    idt: { base: 0, limit: 0 },
    cr0: Cr0.pe | Cr0.et,
    cr3: 0,
    cr4: 0,
    efer: 0,
  };
}

/** Real mode at segment:offset, all data segments equal to the code segment's, as a boot sector's loader leaves them at 0. */
export function enterRealMode({ rip, segment, registers = {} }: EntryOptions & { segment: number }): BootState {
  const real = (attributes: number): BootSegment => ({
    selector: segment,
    base: segment << 4,
    limit: 0xffff,
    attributes,
  });
  const dataReal = real(0x093);
  return {
    mode: 'real',
    rip,
    rflags: Flag.fixed,
    registers,
    segments: {
      cs: real(0x09b),
      ds: dataReal,
      es: dataReal,
      fs: dataReal,
      gs: dataReal,
      ss: dataReal,
      ldtr: absent,
      tr: busyTask32,
    },
    gdt: { base: 0, limit: 0xffff },
    idt: { base: 0, limit: 0x3ff },
    cr0: Cr0.et,
    cr3: 0,
    cr4: 0,
    efer: 0,
  };
}
