/** MSRs on the VMX backend (nvmm_x86_vmx.c): which pass, which the driver answers, and the bitmap that says so to the CPU. */
import type { HostCpu } from '#core';
import { Field } from './fields.ts';
import { setTimestampCounter, type VmxVcpu } from './vcpu.ts';

const Index = {
  tsc: 0x10,
  platformId: 0x17,
  biosSignature: 0x8b,
  archCapabilities: 0x10a,
  sysenterCs: 0x174,
  sysenterEsp: 0x175,
  sysenterEip: 0x176,
  miscEnable: 0x1a0,
  pat: 0x277,
  efer: 0xc000_0080,
  star: 0xc000_0081,
  lstar: 0xc000_0082,
  cstar: 0xc000_0083,
  sfmask: 0xc000_0084,
  fsBase: 0xc000_0100,
  gsBase: 0xc000_0101,
  kernelGsBase: 0xc000_0102,
} as const;

const passReadWrite = [
  Index.efer,
  Index.star,
  Index.lstar,
  Index.cstar,
  Index.sfmask,
  Index.kernelGsBase,
  Index.sysenterCs,
  Index.sysenterEsp,
  Index.sysenterEip,
  Index.fsBase,
  Index.gsBase,
];

/** Read as zero, writes ignored. */
const ignored = new Set<number>([Index.biosSignature, Index.platformId]);

/** PERFMON, EIST and MONITOR off; BTS and PEBS unavailable. */
const miscClear = (1 << 7) | (1 << 16) | (1 << 18);
const miscSet = (1 << 11) | (1 << 12);

export const areaMsrs = [Index.star, Index.lstar, Index.cstar, Index.sfmask, Index.kernelGsBase] as const;

/** Fills an MSR bitmap (SDM vol. 3, section 25.6.9): all exit but what passes. */
export function fillBitmap(map: Uint8Array): void {
  map.fill(0xff);
  const allow = (msr: number, base: number): void => {
    map[base + (msr >= 0xc000_0000 ? 0x400 : 0) + ((msr & 0x1fff) >>> 3)]! &= ~(1 << (msr & 7));
  };
  for (const msr of passReadWrite) {
    allow(msr, 0);
    allow(msr, 0x800);
  }
  allow(Index.tsc, 0);
}

type Answer = 'fault' | boolean;

/** False: the emulator's business. */
export function readMsr(cpu: HostCpu, words: Int32Array, data: VmxVcpu, msr: number): Answer {
  const answer = (low: number, high: number): true => {
    for (const [register, value] of [
      [0, low],
      [2, high],
    ] as const) {
      words[data.gprWord(register)] = value;
      words[data.gprWord(register) + 1] = 0;
    }
    return true;
  };
  switch (msr) {
    case Index.pat: {
      const low = cpu.vmread(Field.guestPat);
      return answer(low, cpu.vmreadHigh);
    }
    case Index.miscEnable:
      return answer((Number(cpu.rdmsr(msr) & 0xffff_ffffn) & ~miscClear) | miscSet, 0);
    case Index.archCapabilities:
      // The emulated CPU has no such MSR.
      return 'fault';
    default:
      return ignored.has(msr) && answer(0, 0);
  }
}

export function writeMsr(cpu: HostCpu, msr: number, low: number, high: number): Answer {
  switch (msr) {
    case Index.tsc:
      setTimestampCounter(cpu, low, high);
      return true;
    case Index.pat:
      if (!validPat(low) || !validPat(high)) return 'fault';
      cpu.vmwrite(Field.guestPat, low, high);
      return true;
    case Index.miscEnable:
      return true;
    default:
      return ignored.has(msr);
  }
}

const validPat = (half: number): boolean => {
  for (let shift = 0; shift < 32; shift += 8) {
    const type = (half >>> shift) & 0xff;
    if (type > 7 || type === 2 || type === 3) return false;
  }
  return true;
};
