/** nvmm_gva_to_gpa(3): the guest's page tables, walked from outside (libnvmm_x86.c). Accessed and dirty bits are left alone. */
import { Cr0, Cr4, Efer, pageSize } from '#core';
import { Cr, Msr, NvmmProt, Prot, StateFlag } from '../abi.ts';
import { Errno } from '../errno.ts';
import type { LibraryCalls, NvmmMachine, NvmmVcpu, Walk } from './handles.ts';

const Entry = { present: 1, write: 2, user: 4, accessed: 0x20, dirty: 0x40, large: 0x80 } as const;

/** The entries that the last walk used, the page's own last. */
const visited: DataView[] = [];
/** Their guest-physical addresses. */
const places: number[] = [];

/** What a processor does once it uses a translation. nvmm_gva_to_gpa(3) does not; an access for the guest does. */
export function markUsed({ admit, wrote }: NvmmMachine, write: boolean): void {
  const last = visited.length - 1;
  visited.forEach((entry, n) => {
    const low = entry.getInt32(0, true);
    const marked = low | Entry.accessed | (write && n === last ? Entry.dirty : 0);
    if (marked === low) return;
    admit?.(places[n], Prot.write);
    entry.setInt32(0, marked, true);
    wrote?.(places[n], 4);
  });
}

/** A table entry: (low, high) in `entry`. False: not in guest memory. */
const entry = { low: 0, high: 0 };
function readEntry(lib: LibraryCalls, mach: NvmmMachine, gpa: number, wide: boolean): boolean {
  const area = mach.areas.find(a => gpa >= a.gpa && gpa + 8 <= a.gpa + a.size);
  const bytes = area && lib.hvaBytes(mach, area.hva + (gpa - area.gpa), wide ? 8 : 4);
  if (!bytes) return false;
  mach.admit?.(gpa, Prot.read);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  visited.push(view);
  places.push(gpa);
  entry.low = view.getInt32(0, true);
  entry.high = wide ? view.getInt32(4, true) : 0;
  return true;
}

export function gvaToGpa(lib: LibraryCalls, mach: NvmmMachine, vcpu: NvmmVcpu, gva: bigint, walk: Walk): Errno {
  if (lib.vcpuGetState(mach, vcpu, StateFlag.crs | StateFlag.msrs)) return Errno.EFAULT;
  const { state } = vcpu;
  visited.length = places.length = 0;
  const low = Number(gva & 0xffff_ffffn);
  const high = Number((gva >> 32n) & 0xffff_ffffn);
  if (!(state.crLow(Cr.cr0) & Cr0.pg)) {
    walk.gpa = high * 2 ** 32 + low;
    walk.prot = NvmmProt.all;
    return Errno.OK;
  }
  const cr4 = state.crLow(Cr.cr4);
  const long = (state.msrLow(Msr.efer) & Efer.lma) !== 0;
  if (long && !(cr4 & Cr4.pae)) return Errno.EFAULT;
  const cr3 = state.crHigh(Cr.cr3) * 2 ** 32 + (state.crLow(Cr.cr3) >>> 0);
  if (long) {
    if (high >>> 15 !== 0 && high >>> 15 !== 0x1_ffff) return Errno.EFAULT;
    return walkWide(lib, mach, (cr3 % 2 ** 52) - (cr3 % pageSize), 3, low, high, walk);
  }
  if (cr4 & Cr4.pae) return walkPae(lib, mach, (cr3 % 2 ** 32) - (cr3 % 32), low, walk);
  return walkNarrow(lib, mach, (cr3 % 2 ** 32) - (cr3 % pageSize), low, (cr4 & Cr4.pse) !== 0, walk);
}

/** The bits of a 64-bit entry that are a frame address. */
const frame = (): number => (entry.high & 0x000f_ffff) * 2 ** 32 + ((entry.low & 0xffff_f000) >>> 0);

const narrow = (prot: number): number => {
  let result = prot;
  if (!(entry.low & Entry.write)) result &= ~NvmmProt.write;
  if (!(entry.low & Entry.user)) result &= ~NvmmProt.user;
  if (entry.high < 0) result &= ~NvmmProt.execute;
  return result;
};

/** 4-level tables from `level`; PAE's lower two share it. */
function walkWide(
  lib: LibraryCalls,
  mach: NvmmMachine,
  root: number,
  top: number,
  low: number,
  high: number,
  walk: Walk,
): Errno {
  let table = root;
  let prot: number = NvmmProt.all;
  const linear = (high & 0xffff) * 2 ** 32 + low;
  for (let level = top; level >= 0; level--) {
    const span = pageSize * 512 ** level;
    const index = Math.floor(linear / span) % 512;
    if (!readEntry(lib, mach, table + index * 8, true) || !(entry.low & Entry.present)) return Errno.EFAULT;
    prot = narrow(prot);
    const leaf = level === 0 || (entry.low & Entry.large) !== 0;
    if (leaf) {
      if (level === 3) return Errno.EFAULT;
      const base = frame();
      walk.gpa = base - (base % span) + (linear % span);
      walk.prot = prot;
      return Errno.OK;
    }
    table = frame();
  }
  return Errno.EFAULT;
}

function walkPae(lib: LibraryCalls, mach: NvmmMachine, root: number, low: number, walk: Walk): Errno {
  if (!readEntry(lib, mach, root + (low >>> 30) * 8, true) || !(entry.low & Entry.present)) return Errno.EFAULT;
  // PDPTEs of legacy PAE have no accessed bit.
  visited.length = places.length = 0;
  return walkWide(lib, mach, frame(), 1, low % 2 ** 30, 0, walk);
}

function walkNarrow(lib: LibraryCalls, mach: NvmmMachine, root: number, low: number, pse: boolean, walk: Walk): Errno {
  if (!readEntry(lib, mach, root + (low >>> 22) * 4, false) || !(entry.low & Entry.present)) return Errno.EFAULT;
  let prot = narrow(NvmmProt.all);
  const directory = entry.low;
  if (directory & Entry.large && pse) {
    // PSE-36, which NetBSD's does not know: bits 20:13 are address bits 39:32.
    walk.gpa = ((directory >>> 13) & 0xff) * 2 ** 32 + ((directory & 0xffc0_0000) >>> 0) + (low & 0x3f_ffff);
    walk.prot = prot;
    return Errno.OK;
  }
  if (!readEntry(lib, mach, ((directory & 0xffff_f000) >>> 0) + ((low >>> 12) & 1023) * 4, false)) return Errno.EFAULT;
  if (!(entry.low & Entry.present)) return Errno.EFAULT;
  prot = narrow(prot);
  walk.gpa = ((entry.low & 0xffff_f000) >>> 0) + (low & 0xfff);
  walk.prot = prot;
  return Errno.OK;
}
