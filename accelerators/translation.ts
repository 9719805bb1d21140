/**
 * The guest's page tables, read from outside: no paging, 32-bit, PAE and 4-level paging (SDM vol. 3, chapter 4). Nothing is marked accessed or
 * dirty, and nothing of the processor is asked but its registers.
 */
import { type CpuModel, Cr4, Efer } from '#core';
import type { MemoryMap } from './memory-map.ts';
import { type PagingState, pagingOf } from './mode.ts';

export interface Translation {
  readonly gpa: number;
  /** In bytes: 4 KiB without paging. */
  readonly pageSize: number;
  /** What all entries on the way grant. Whether an access is allowed depends on CPL, CR0.WP, SMEP and SMAP, too. */
  readonly writable: boolean;
  readonly executable: boolean;
  readonly user: boolean;
}

export interface TranslationContext {
  readonly state: PagingState;
  readonly cpu: CpuModel;
  readonly memory: MemoryMap;
}

/** Bits of entries. */
const Entry = { present: 1n, writable: 2n, user: 4n, large: 0x80n, noExecute: 1n << 63n } as const;
/** Of the PDPTEs of PAE paging: bits 2:1 and 8:5. */
const pdpteReserved = 0x1e6n;
const frameMask = 0x000f_ffff_ffff_f000n;
const pageShift = 12;
const everything = { writable: true, executable: true, user: true };

/** undefined: a hole. No such linear address, an entry that is not present, malformed, or lies where there is no memory. */
export function translate(linear: bigint, context: TranslationContext): Translation | undefined {
  const { state } = context;
  const paging = pagingOf(state);
  if (paging === '5-level') return undefined;
  if (paging === '4-level') {
    if (BigInt.asUintN(64, BigInt.asIntN(48, linear)) !== linear) return undefined;
    return walkWide(linear, 4, state.controls.cr3 & frameMask, context);
  }
  if (linear >= 1n << 32n) return undefined;
  if (paging === 'none') return { gpa: Number(linear), pageSize: 2 ** pageShift, ...everything };
  return paging === 'pae' ? walkPae(linear, context) : walkNarrow(linear, context);
}

/** Bits above the physical address, and XD where EFER.NXE is clear. */
function reservedBits({ state, cpu }: TranslationContext): bigint {
  const beyond = ((1n << 52n) - 1n) & ~((1n << BigInt(cpu.physicalBits)) - 1n);
  return beyond | ((state.msrs.efer & BigInt(Efer.nxe)) !== 0n ? 0n : Entry.noExecute);
}

/** Tables of 512 entries of 64 bits, from `top` (4: PML4, 2: page directory) on. */
function walkWide(linear: bigint, top: number, root: bigint, context: TranslationContext): Translation | undefined {
  const { cpu, memory } = context;
  const reserved = reservedBits(context);
  // Bits 62:52 are ignored in 4-level entries, and reserved in those of PAE.
  const ignored = top === 4 ? 0n : ((1n << 63n) - 1n) & ~((1n << 52n) - 1n);
  let table = root;
  let granted = Entry.writable | Entry.user;
  let executable = true;
  for (let level = top; level > 0; level--) {
    const shift = BigInt(pageShift + 9 * (level - 1));
    const entry = memory.load64(Number(table | (((linear >> shift) & 511n) << 3n)));
    if (entry === undefined || !(entry & Entry.present) || entry & (reserved | ignored)) return undefined;
    granted &= entry;
    executable &&= !(entry & Entry.noExecute);
    table = entry & frameMask;
    if (level > 1) {
      if (!(entry & Entry.large)) continue;
      if (level === 4 || (level === 3 && !cpu.features.has('pdpe1gb'))) return undefined;
    }
    const within = (1n << shift) - 1n;
    // PAT is bit 12 of a large page.
    if (level > 1 && table & within & ~0x1000n) return undefined;
    return {
      gpa: Number((table & ~within) | (linear & within)),
      pageSize: Number(within) + 1,
      writable: (granted & Entry.writable) !== 0n,
      executable,
      user: (granted & Entry.user) !== 0n,
    };
  }
  return undefined;
}

function walkPae(linear: bigint, context: TranslationContext): Translation | undefined {
  const { cpu, memory, state } = context;
  const root = state.controls.cr3 & 0xffff_ffe0n;
  const entry = memory.load64(Number(root | ((linear >> 30n) << 3n)));
  const reserved = pdpteReserved | (((1n << 64n) - 1n) & ~((1n << BigInt(cpu.physicalBits)) - 1n));
  if (entry === undefined || !(entry & Entry.present) || entry & reserved) return undefined;
  return walkWide(linear, 2, entry & frameMask, context);
}

/** Tables of 1024 entries of 32 bits; with CR4.PSE a directory's entry may be a page of 4 MiB, above 4 GiB too (PSE-36). */
function walkNarrow(linear: bigint, { cpu, memory, state }: TranslationContext): Translation | undefined {
  const { cr3, cr4 } = state.controls;
  const at = Number(linear);
  const directory = memory.load32(Number(cr3 & 0xffff_f000n) + (at >>> 22) * 4);
  if (directory === undefined || !(directory & 1)) return undefined;
  if (directory & Number(Entry.large) && cr4 & BigInt(Cr4.pse)) {
    const reserved = (1 << 21) | (0x1f_e000 & ~((2 ** Math.min(cpu.physicalBits - 32, 8) - 1) << 13));
    if (directory & reserved) return undefined;
    const high = (directory >>> 13) & 0xff;
    const gpa = high * 2 ** 32 + ((directory & 0xffc0_0000) >>> 0) + (at & 0x3f_ffff);
    return { gpa, pageSize: 2 ** 22, ...rightsOf(directory) };
  }
  const entry = memory.load32(((directory & 0xffff_f000) >>> 0) + ((at >>> 12) & 1023) * 4);
  if (entry === undefined || !(entry & 1)) return undefined;
  const gpa = ((entry & 0xffff_f000) >>> 0) + (at & 0xfff);
  return { gpa, pageSize: 2 ** pageShift, ...rightsOf(entry & directory) };
}

const rightsOf = (entry: number) => ({ writable: (entry & 2) !== 0, executable: true, user: (entry & 4) !== 0 });
