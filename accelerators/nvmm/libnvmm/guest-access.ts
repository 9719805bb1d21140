/**
 * Guest memory by linear address, for the assists: through the guest's page tables with the rights of the instruction, page by page;
 * a page that is no RAM goes to the `mem` callback. What the guest may not do becomes the fault that it would have got.
 */
import { Cr0, dplOf, largestPiece, pageSize } from '#core';
import { Cr, EventType, NvmmProt, Prot, Seg, StateFlag } from '../abi.ts';
import { Errno } from '../errno.ts';
import { Vector } from '../x86/exception.ts';
import type { LibraryCalls, MemAccess, NvmmMachine, NvmmVcpu, Walk } from './handles.ts';
import { markUsed } from './walk.ts';

const pageFaultCode = { present: 1, write: 2, user: 4 } as const;

/** A guest fault to inject; undefined: the access happened. */
export interface GuestFault {
  readonly vector: number;
  readonly error: number;
  /** CR2. */
  readonly address?: bigint;
}

const walk: Walk = { gpa: 0, prot: 0 };
const found = { hva: 0, prot: 0 };

const cpl = (vcpu: NvmmVcpu): number => dplOf(vcpu.state.segmentAttributes(Seg.ss));

/** Guest-physical address of one byte, or the page fault that forbids it. */
export function translate(
  lib: LibraryCalls,
  mach: NvmmMachine,
  vcpu: NvmmVcpu,
  gva: bigint,
  write: boolean,
  implicit = false,
): number | GuestFault {
  const user = !implicit && cpl(vcpu) === 3;
  const code = (write ? pageFaultCode.write : 0) | (user ? pageFaultCode.user : 0);
  const canonical = BigInt.asIntN(48, gva) === BigInt.asIntN(64, gva);
  if (!canonical) return { vector: Vector.gp, error: 0 };
  if (lib.gvaToGpa(mach, vcpu, gva, walk)) return { vector: Vector.pf, error: code, address: gva };
  const readOnly = !(walk.prot & NvmmProt.write) && (user || (vcpu.state.crLow(Cr.cr0) & Cr0.wp) !== 0);
  if ((user && !(walk.prot & NvmmProt.user)) || (write && readOnly)) {
    return { vector: Vector.pf, error: code | pageFaultCode.present, address: gva };
  }
  mach.admit?.(walk.gpa, write ? Prot.write : Prot.read);
  markUsed(mach, write);
  return walk.gpa;
}

const scratch = new DataView(new ArrayBuffer(8));

/**
 * Moves `data` from or to the guest. All pages are translated before the first byte moves. `implicit`: for the processor itself, a
 * supervisor whatever CPL is, which finds all ones where there is no memory, and loses what it writes there.
 */
export function accessGuest(
  lib: LibraryCalls,
  mach: NvmmMachine,
  vcpu: NvmmVcpu,
  gva: bigint,
  data: Uint8Array,
  write: boolean,
  implicit = false,
): GuestFault | undefined {
  const pieces: { gpa: number; start: number; length: number }[] = [];
  for (let start = 0; start < data.length; ) {
    const gpa = translate(lib, mach, vcpu, BigInt.asUintN(64, gva + BigInt(start)), write, implicit);
    if (typeof gpa !== 'number') return gpa;
    const length = Math.min(data.length - start, pageSize - (gpa % pageSize));
    pieces.push({ gpa, start, length });
    start += length;
  }
  for (const { gpa, start, length } of pieces)
    accessPhysical(lib, mach, vcpu, gpa, data.subarray(start, start + length), write, implicit);
  return undefined;
}

/** Guest-physical memory within one page: RAM, or the `mem` callback in pieces of at most 8 bytes. */
export function accessPhysical(
  lib: LibraryCalls,
  mach: NvmmMachine,
  vcpu: NvmmVcpu,
  gpa: number,
  data: Uint8Array,
  write: boolean,
  implicit = false,
): void {
  const ram = lib.gpaToHva(mach, gpa, found) === 0 && (found.prot & (write ? NvmmProt.write : NvmmProt.read)) !== 0;
  const bytes = ram ? lib.hvaBytes(mach, found.hva, data.length) : undefined;
  if (bytes) {
    if (write) {
      bytes.set(data);
      mach.wrote?.(gpa, data.length);
      lib.driver.host.memory.written(lib.driver.host.memory.physicalAt(bytes.byteOffset), data.length);
    } else {
      data.set(bytes);
    }
    return;
  }
  if (implicit) {
    if (!write) data.fill(0xff);
    return;
  }
  for (let start = 0, size = 0; start < data.length; start += size) {
    size = largestPiece(gpa + start, data.length - start);
    for (let n = 0; n < size; n++) scratch.setUint8(n, write ? data[start + n] : 0);
    const access: MemAccess = { mach, vcpu, gpa: gpa + start, write, size, data: scratch };
    vcpu.callbacks.mem?.(access);
    if (!write) for (let n = 0; n < size; n++) data[start + n] = scratch.getUint8(n);
  }
}

/** The guest gets its fault, before anything else happens. */
export function injectFault(
  lib: LibraryCalls,
  mach: NvmmMachine,
  vcpu: NvmmVcpu,
  { vector, error, address }: GuestFault,
): Errno {
  if (address !== undefined) {
    if (lib.vcpuGetState(mach, vcpu, StateFlag.crs)) return Errno.EFAULT;
    vcpu.state.setCr(Cr.cr2, address);
    lib.vcpuSetState(mach, vcpu, StateFlag.crs);
  }
  const { comm } = vcpu;
  comm.eventType = EventType.fault;
  comm.eventVector = vector;
  comm.eventError = error < 0 ? 0 : error;
  lib.vcpuInject(mach, vcpu);
  return Errno.OK;
}
