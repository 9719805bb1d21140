/** nvmm_assist_io(3): finishes the port instruction of an IO exit through the `io` callback. */
import { Attribute, Efer, Flag, pageSize } from '#core';
import { Gpr, Msr, Seg, StateFlag } from '../abi.ts';
import { Errno } from '../errno.ts';
import { Vector } from '../x86/exception.ts';
import { complete } from './complete.ts';
import { accessGuest, type GuestFault, injectFault, translate } from './guest-access.ts';
import type { IoAccess, LibraryCalls, NvmmMachine, NvmmVcpu } from './handles.ts';

/** Bytes of a REP string access that one assist moves. */
const batch = 32;

const data = new DataView(new ArrayBuffer(4));
const buffer = new Uint8Array(batch);

/** One access object for each VCPU: an exit allocates nothing. */
function accessOf(mach: NvmmMachine, vcpu: NvmmVcpu): IoAccess {
  vcpu.ioAccess ??= { mach, vcpu, port: 0, in: false, size: 0, data };
  return vcpu.ioAccess;
}

export function assistIo(lib: LibraryCalls, mach: NvmmMachine, vcpu: NvmmVcpu): Errno {
  const { exit } = vcpu;
  const wanted = exit.str ? StateFlag.gprs | StateFlag.segs | StateFlag.crs | StateFlag.msrs : StateFlag.gprs;
  if (lib.vcpuGetState(mach, vcpu, wanted)) return Errno.EFAULT;
  if (exit.str) return string(lib, mach, vcpu);
  const access = accessOf(mach, vcpu);
  access.port = exit.port;
  access.in = exit.in;
  access.size = exit.operandSize;
  const low = vcpu.state.gprLow(Gpr.rax);
  data.setInt32(0, exit.in ? 0 : low, true);
  vcpu.callbacks.io?.(access);
  if (exit.in) {
    const value = data.getInt32(0, true);
    const high = vcpu.state.gprHigh(Gpr.rax);
    if (exit.operandSize === 4) vcpu.state.setGprPair(Gpr.rax, value, 0);
    else if (exit.operandSize === 2) vcpu.state.setGprPair(Gpr.rax, (low & ~0xffff) | (value & 0xffff), high);
    else vcpu.state.setGprPair(Gpr.rax, (low & ~0xff) | (value & 0xff), high);
  }
  finish(lib, mach, vcpu);
  return Errno.OK;
}

function finish(lib: LibraryCalls, mach: NvmmMachine, vcpu: NvmmVcpu): void {
  vcpu.state.setGprPair(Gpr.rip, vcpu.exit.npcLow, vcpu.exit.npcHigh);
  complete(lib, mach, vcpu);
}

/** INS and OUTS: one element, or with REP up to 32 bytes at a time; an unfinished REP exits again. */
function string(lib: LibraryCalls, mach: NvmmMachine, vcpu: NvmmVcpu): Errno {
  const { exit, state } = vcpu;
  const mask = 2n ** BigInt(exit.addressSize * 8) - 1n;
  const size = exit.operandSize;
  const count = exit.rep ? state.gpr(Gpr.rcx) & mask : 1n;
  if (count === 0n) {
    finish(lib, mach, vcpu);
    return Errno.OK;
  }
  const backwards = (state.gprLow(Gpr.rflags) & Flag.df) !== 0;
  const register = exit.in ? Gpr.rdi : Gpr.rsi;
  const segment = exit.in ? Seg.es : exit.seg >= 0 ? exit.seg : sourceSegment(lib, mach, vcpu);
  const offset = state.gpr(register) & mask;
  let elements = exit.rep && !backwards ? batchOf(count, offset, size) : 1;
  let linear = linearAddress(vcpu, segment, offset, elements * size, exit.in);
  if (elements > 1 && (typeof linear !== 'bigint' || crosses(linear, elements * size))) {
    // What precedes the end of the segment or the page happens before the fault there.
    elements = 1;
    linear = linearAddress(vcpu, segment, offset, size, exit.in);
  }
  if (typeof linear !== 'bigint') return injectFault(lib, mach, vcpu, linear);
  const bytes = buffer.subarray(0, elements * size);
  const access = accessOf(mach, vcpu);
  access.port = exit.port;
  access.in = exit.in;
  access.size = size;

  // An IN that cannot be stored must not have happened: its target is translated first.
  const fault = exit.in
    ? probe(lib, mach, vcpu, linear, bytes.length)
    : accessGuest(lib, mach, vcpu, linear, bytes, false);
  if (fault) return injectFault(lib, mach, vcpu, fault);
  for (let n = 0; n < elements; n++) {
    for (let b = 0; b < 4; b++) data.setUint8(b, !exit.in && b < size ? bytes[n * size + b] : 0);
    vcpu.callbacks.io?.(access);
    if (exit.in) for (let b = 0; b < size; b++) bytes[n * size + b] = data.getUint8(b);
  }
  if (exit.in) accessGuest(lib, mach, vcpu, linear, bytes, true);

  const step = BigInt(elements * size) * (backwards ? -1n : 1n);
  state.setGpr(register, advanced(state.gpr(register), step, mask));
  if (exit.rep) state.setGpr(Gpr.rcx, advanced(state.gpr(Gpr.rcx), -BigInt(elements), mask));
  if (count === BigInt(elements)) finish(lib, mach, vcpu);
  else lib.vcpuSetState(mach, vcpu, StateFlag.gprs);
  return Errno.OK;
}

/** Elements up to the batch's end, without the offset's wrapping around. */
function batchOf(count: bigint, offset: bigint, size: number): number {
  const ahead = Math.min(batch, 0x1_0000 - Number(offset & 0xffffn));
  const elements = Math.max(1, Math.floor(ahead / size));
  return count < BigInt(elements) ? Number(count) : elements;
}

const crosses = (linear: bigint, length: number): boolean => Number(linear & 0xfffn) + length > pageSize;

/** Within the address size; a 32-bit result clears the upper half, as any 32-bit register write. */
const advanced = (value: bigint, step: bigint, mask: bigint): bigint => {
  const next = (value + step) & mask;
  return mask === 0xffffn ? (value & ~mask) | next : next;
};

/** Whether the bytes can be written, without writing them: they lie in two pages at most. */
function probe(
  lib: LibraryCalls,
  mach: NvmmMachine,
  vcpu: NvmmVcpu,
  linear: bigint,
  length: number,
): GuestFault | undefined {
  for (const at of [linear, BigInt.asUintN(64, linear + BigInt(length - 1))]) {
    const result = translate(lib, mach, vcpu, at, true);
    if (typeof result !== 'number') return result;
  }
  return undefined;
}

/** Segment base plus offset, or the fault of a segment that does not admit it. */
function linearAddress(
  vcpu: NvmmVcpu,
  segment: number,
  offset: bigint,
  length: number,
  write: boolean,
): bigint | GuestFault {
  const { state } = vcpu;
  const { attributes, limit, base } = state.segment(segment);
  const long = (state.msrLow(Msr.efer) & Efer.lma) !== 0 && (state.segmentAttributes(Seg.cs) & Attribute.long) !== 0;
  if (long) return BigInt.asUintN(64, segment === Seg.fs || segment === Seg.gs ? base + offset : offset);
  const vector = segment === Seg.ss ? Vector.ss : Vector.gp;
  const code = (attributes & Attribute.code) !== 0;
  const present = (attributes & Attribute.present) !== 0;
  const allowed = write
    ? !code && (attributes & Attribute.writable) !== 0
    : !code || (attributes & Attribute.readable) !== 0;
  const last = offset + BigInt(length - 1);
  const expandDown = !code && (attributes & Attribute.expandDown) !== 0;
  const top = attributes & Attribute.big ? 0xffff_ffffn : 0xffffn;
  const inside = expandDown ? offset > BigInt(limit) && last <= top : last <= BigInt(limit);
  if (!present || !allowed || !inside) return { vector, error: 0 };
  return BigInt.asUintN(32, base + offset);
}

/** Without decode assists OUTS's segment is found among the prefixes at RIP. */
function sourceSegment(lib: LibraryCalls, mach: NvmmMachine, vcpu: NvmmVcpu): number {
  const { state } = vcpu;
  const bytes = new Uint8Array(5);
  const long = (state.msrLow(Msr.efer) & Efer.lma) !== 0 && (state.segmentAttributes(Seg.cs) & Attribute.long) !== 0;
  const rip = state.gpr(Gpr.rip) + (long ? 0n : state.segment(Seg.cs).base);
  if (accessGuest(lib, mach, vcpu, BigInt.asUintN(64, rip), bytes, false)) return Seg.ds;
  for (const byte of bytes) {
    const segment = prefixSegments[byte];
    if (segment !== undefined) return segment;
    if (![0x66, 0x67, 0xf0, 0xf2, 0xf3].includes(byte) && (byte & 0xf0) !== 0x40) return Seg.ds;
  }
  return Seg.ds;
}

const prefixSegments: Readonly<Record<number, number>> = {
  38: Seg.es,
  46: Seg.cs,
  54: Seg.ss,
  62: Seg.ds,
  100: Seg.fs,
  101: Seg.gs,
};
