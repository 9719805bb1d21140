/** The parts of the x64 state that neither a VMCB nor a VMCS holds: between the comm page and what the driver keeps. */
import { type HostMemory, vectorSize } from '#core';
import { Cr, Dr, Gpr, X64State } from '../abi.ts';
import type { CommPage } from '../driver/machine.ts';
import type { X86Vcpu } from './vcpu.ts';

export function copy(words: Int32Array, to: number, from: number): void {
  words[to] = words[from];
  words[to + 1] = words[from + 1];
}

/** The sixteen general registers, between words of memory. */
export function copyGeneral(memory: HostMemory, to: number, from: number): void {
  memory.copy(to << 2, from << 2, Gpr.rip * 8);
}

export function setXcr0(comm: CommPage, data: X86Vcpu, mask: bigint): void {
  data.xcr0 = mask ? (comm.read(X64State.crs + Cr.xcr0 * 8) & mask) | 1n : 1n;
}

/** DR0 to DR3. */
export function setBreakpoints(comm: CommPage, data: X86Vcpu): void {
  for (let n = Dr.dr0; n <= Dr.dr3; n++) data.debug[n] = comm.read(X64State.drs + n * 8);
}
export function getBreakpoints(comm: CommPage, data: X86Vcpu): void {
  for (let n = Dr.dr0; n <= Dr.dr3; n++) comm.write(X64State.drs + n * 8, data.debug[n]);
}

const fpuBytes = 512;
/** Words of MXCSR and its mask in an FXSAVE image. */
const mxcsr = [6, 7];

export function setFpu(memory: HostMemory, comm: CommPage, data: X86Vcpu, mxcsrMask: number): void {
  const to = data.fpuWords;
  const { words } = memory;
  memory.copy(to << 2, comm.stateWord(X64State.fpu) << 2, fpuBytes);
  for (const word of mxcsr) words[to + word] = words[to + word] & mxcsrMask;
}
export function getFpu(memory: HostMemory, comm: CommPage, data: X86Vcpu): void {
  memory.copy(comm.stateWord(X64State.fpu) << 2, data.fpuWords << 2, fpuBytes);
}

export function setVector(memory: HostMemory, comm: CommPage, data: X86Vcpu): void {
  memory.copy(data.vectorWords << 2, comm.vectorWord << 2, vectorSize);
}
export function getVector(memory: HostMemory, comm: CommPage, data: X86Vcpu): void {
  memory.copy(comm.vectorWord << 2, data.vectorWords << 2, vectorSize);
}
