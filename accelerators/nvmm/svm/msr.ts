/** MSRs on the SVM backend (nvmm_x86_svm.c): which pass, which the driver answers, and the bitmap that says so to the CPU. */
import type { HostCpu } from '#core';
import { type SvmVcpu, setTimestampCounter } from './vcpu.ts';
import { Clean, Field } from './vmcb.ts';

const Index = {
  tsc: 0x10,
  patchLevel: 0x8b,
  sysenterCs: 0x174,
  sysenterEsp: 0x175,
  sysenterEip: 0x176,
  pat: 0x277,
  efer: 0xc000_0080,
  star: 0xc000_0081,
  lstar: 0xc000_0082,
  cstar: 0xc000_0083,
  sfmask: 0xc000_0084,
  fsBase: 0xc000_0100,
  gsBase: 0xc000_0101,
  kernelGsBase: 0xc000_0102,
  nbConfiguration: 0xc001_001f,
  cmpHalt: 0xc001_0055,
  icConfiguration: 0xc001_1021,
  deConfiguration: 0xc001_1029,
} as const;

const passReadWrite = [
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
  Index.pat,
];
const passRead = [Index.tsc];

/** Read as zero, writes ignored. */
const ignored = new Set<number>([Index.cmpHalt, Index.deConfiguration, Index.icConfiguration, Index.patchLevel]);

const Efer = {
  svme: 0x1000,
  /** SCE LME LMA NXE; NetBSD's lets SVME, FFXSR and TCE pass too, which guests do not find in CPUID. */ valid:
    0x1 | 0x100 | 0x400 | 0x800,
  lme: 0x100,
  paging: 0x800 | 0x500,
} as const;

/** Fills an MSR permission map (APM vol. 2, section 15.11): all intercepted but what passes. */
export function fillPermissionMap(map: Uint8Array): void {
  map.fill(0xff);
  for (const msr of passReadWrite) allow(map, msr, 3);
  for (const msr of passRead) allow(map, msr, 1);
}

function allow(map: Uint8Array, msr: number, access: number): void {
  const base = msr < 0x2000 ? 0 : msr >= 0xc001_0000 ? 0x1000 : 0x800;
  const bit = (msr & 0x1fff) * 2;
  map[base + (bit >>> 3)]! &= ~(access << (bit & 7));
}

/** False: the emulator's business. */
export function readMsr(words: Int32Array, data: SvmVcpu, msr: number): boolean {
  const answer = (low: number, high: number): true => {
    data.vmcb.set(Field.rax, low, 0);
    words[data.gprWord(2)] = high;
    words[data.gprWord(2) + 1] = 0;
    return true;
  };
  if (msr === Index.efer) return answer(data.vmcb.low(Field.efer) & ~Efer.svme, data.vmcb.high(Field.efer));
  // INITAPICCPUIDLO: guests learn their APIC id from CPUID.
  if (msr === Index.nbConfiguration) return answer(0, 1 << 22);
  return ignored.has(msr) && answer(0, 0);
}

export function writeMsr(cpu: HostCpu, data: SvmVcpu, msr: number, low: number, high: number): boolean | 'fault' {
  const { vmcb } = data;
  if (msr === Index.efer) {
    if (low & ~Efer.valid || high !== 0) return 'fault';
    const paging = vmcb.low(Field.cr0) < 0;
    if (paging && (low ^ vmcb.low(Field.efer)) & Efer.lme) return 'fault';
    if ((low ^ vmcb.low(Field.efer)) & Efer.paging) data.flushGuest = true;
    // LMA is the processor's: a guest's write does not change it (APM vol. 2, section 3.1.7).
    vmcb.set(Field.efer, (low & ~0x400) | (vmcb.low(Field.efer) & 0x400) | Efer.svme, 0);
    vmcb.dirty(Clean.control);
    return true;
  }
  if (msr === Index.tsc) {
    setTimestampCounter(cpu, data, low, high);
    return true;
  }
  return ignored.has(msr);
}
