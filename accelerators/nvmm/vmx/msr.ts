/** MSRs on the VMX backend (nvmm_x86_vmx.c): which pass, which the driver answers, and the bitmap that says so to the CPU. */
import type { HostCpu } from '#core';
import { answerMsr, type MsrOutcome } from '../x86/exits.ts';
import { MsrIndex, passed } from '../x86/msr-index.ts';
import { Field } from './fields.ts';
import { setTimestampCounter } from './timestamp.ts';

/** Not switched by VM entries and exits, and none of the host's business: they stay in the CPU. */
export const residentMsrs = [
  MsrIndex.star,
  MsrIndex.lstar,
  MsrIndex.cstar,
  MsrIndex.sfmask,
  MsrIndex.kernelGsBase,
] as const;

const passReadWrite = [...passed, MsrIndex.efer];

/** Read as zero, writes ignored. */
const ignored = new Set<number>([MsrIndex.microcode, MsrIndex.platformId]);

/** PERFMON, EIST and MONITOR off; BTS and PEBS unavailable. */
const miscClear = (1 << 7) | (1 << 16) | (1 << 18);
const miscSet = (1 << 11) | (1 << 12);

/** Fills an MSR bitmap (SDM vol. 3, section 25.6.9): all exit but what passes. */
export function fillBitmap(map: Uint8Array): void {
  map.fill(0xff);
  const allow = (msr: number, base: number): void => {
    map[base + (msr >= 0xc000_0000 ? 0x400 : 0) + ((msr & 0x1fff) >>> 3)] &= ~(1 << (msr & 7));
  };
  for (const msr of passReadWrite) {
    allow(msr, 0);
    allow(msr, 0x800);
  }
  allow(MsrIndex.tsc, 0);
}

/** Of a VCPU: the CPU that it runs on. Its VMCS is current. */
interface Owner {
  readonly cpu: HostCpu;
}

export function readMsr({ cpu }: Owner, msr: number): MsrOutcome {
  switch (msr) {
    case MsrIndex.pat: {
      const low = cpu.vmread(Field.guestPat);
      return answerMsr(low, cpu.vmreadHigh);
    }
    case MsrIndex.miscEnable:
      return answerMsr((cpu.rdmsrLow(msr) & ~miscClear) | miscSet, 0);
    case MsrIndex.archCapabilities:
      // The emulated CPU has no such MSR.
      return 'fault';
    default:
      return ignored.has(msr) && answerMsr(0, 0);
  }
}

export function writeMsr({ cpu }: Owner, msr: number, low: number, high: number): MsrOutcome {
  switch (msr) {
    case MsrIndex.tsc:
      setTimestampCounter(cpu, low, high);
      return 'timestamp';
    case MsrIndex.pat:
      if (!validPat(low) || !validPat(high)) return 'fault';
      cpu.vmwrite(Field.guestPat, low, high);
      return true;
    case MsrIndex.miscEnable:
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
