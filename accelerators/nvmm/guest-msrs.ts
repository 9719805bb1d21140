/** A guest's MSRs from outside: those that are state, and those that the driver answers. The rest is the board's. */
import { acceptsMsr, type CpuState, Cr0, Efer, type MsrState } from '#core';
import { Errno } from './errno.ts';
import type { GuestVcpu } from './guest-vcpu.ts';
import { MsrIndex } from './x86/msr-index.ts';

const stored: Readonly<Record<number, keyof MsrState>> = {
  [MsrIndex.tsc]: 'tsc',
  [MsrIndex.sysenterCs]: 'sysenterCs',
  [MsrIndex.sysenterEsp]: 'sysenterEsp',
  [MsrIndex.sysenterEip]: 'sysenterEip',
  [MsrIndex.pat]: 'pat',
  [MsrIndex.efer]: 'efer',
  [MsrIndex.star]: 'star',
  [MsrIndex.lstar]: 'lstar',
  [MsrIndex.cstar]: 'cstar',
  [MsrIndex.sfmask]: 'sfmask',
  [MsrIndex.kernelGsBase]: 'kernelGsBase',
};
const bases: Readonly<Record<number, 'fs' | 'gs'>> = { [MsrIndex.fsBase]: 'fs', [MsrIndex.gsBase]: 'gs' };

/** What guests find of EFER on either backend. */
const eferDefined = BigInt(Efer.sce | Efer.lme | Efer.lma | Efer.nxe);
const lma = BigInt(Efer.lma);
const lme = BigInt(Efer.lme);

/** The processor's state, as the contract moves it. */
export interface StatePort {
  getState(...components: ('msrs' | 'segments' | 'controls')[]): CpuState;
  setState(
    change: Partial<Pick<CpuState, 'segments'>> & { msrs?: Omit<MsrState, 'tsc'> & Partial<Pick<MsrState, 'tsc'>> },
  ): void;
}

const answer = { low: 0, high: 0 };
const lowOf = (value: bigint): number => Number(BigInt.asIntN(32, value));
const highOf = (value: bigint): number => Number(BigInt.asIntN(32, value >> 32n));

export function readGuestMsr(
  { lib, mach, vcpu }: GuestVcpu,
  state: StatePort,
  index: number,
): bigint | 'fault' | 'board' {
  const name = stored[index];
  if (name) return state.getState('msrs').msrs[name];
  const segment = bases[index];
  if (segment) return state.getState('segments').segments[segment].base;
  if (lib.vcpuReadMsr(mach, vcpu, index, answer)) return lib.errno === Errno.ENOENT ? 'board' : 'fault';
  return (BigInt(answer.high >>> 0) << 32n) | BigInt(answer.low >>> 0);
}

export function writeGuestMsr(
  { lib, mach, vcpu }: GuestVcpu,
  state: StatePort,
  index: number,
  value: bigint,
): 'done' | 'fault' | 'board' {
  const name = stored[index];
  const segment = bases[index];
  if ((name || segment) && !acceptsMsr(index, lowOf(value), highOf(value))) return 'fault';
  if (name) {
    const { msrs, controls } = state.getState('msrs', 'controls');
    const loaded = name === 'efer' ? efer(msrs.efer, value, controls.cr0) : value;
    if (loaded === undefined) return 'fault';
    const { tsc: _, ...others } = msrs;
    state.setState({ msrs: { ...others, [name]: loaded } });
    return 'done';
  }
  if (segment) {
    const { segments } = state.getState('segments');
    state.setState({ segments: { ...segments, [segment]: { ...segments[segment], base: value } } });
    return 'done';
  }
  if (!lib.vcpuWriteMsr(mach, vcpu, index, lowOf(value), highOf(value))) return 'done';
  return lib.errno === Errno.ENOENT ? 'board' : 'fault';
}

/** What WRMSR makes of EFER (APM vol. 2, section 3.1.7). undefined: #GP. */
function efer(before: bigint, value: bigint, cr0: bigint): bigint | undefined {
  if (value & ~eferDefined) return undefined;
  if ((value ^ before) & lme && Number(BigInt.asIntN(32, cr0)) & Cr0.pg) return undefined;
  return (value & ~lma) | (before & lma);
}
