/** MSRs on the SVM backend (nvmm_x86_svm.c): which pass, which the driver answers, and the bitmap that says so to the CPU. */
import { Efer, eferPaging } from '#core';
import { answerMsr, type MsrOutcome } from '../x86/exits.ts';
import { MsrIndex, passed } from '../x86/msr-index.ts';
import { type SvmDriverVcpu, setTimestampCounter } from './vcpu.ts';
import { Clean, Field } from './vmcb.ts';

const passReadWrite = [...passed, MsrIndex.pat];
const passRead = [MsrIndex.tsc];

/** Read as zero, writes ignored. */
const ignored = new Set<number>([
  MsrIndex.cmpHalt,
  MsrIndex.deConfiguration,
  MsrIndex.icConfiguration,
  MsrIndex.microcode,
]);

/** NetBSD's lets SVME, FFXSR and TCE pass too, which guests do not find in CPUID. */
const validEfer = Efer.sce | Efer.lme | Efer.lma | Efer.nxe;

/** Fills an MSR permission map (APM vol. 2, section 15.11): all intercepted but what passes. */
export function fillPermissionMap(map: Uint8Array): void {
  map.fill(0xff);
  for (const msr of passReadWrite) allow(map, msr, 3);
  for (const msr of passRead) allow(map, msr, 1);
}

function allow(map: Uint8Array, msr: number, access: number): void {
  const base = msr < 0x2000 ? 0 : msr >= 0xc001_0000 ? 0x1000 : 0x800;
  const bit = (msr & 0x1fff) * 2;
  map[base + (bit >>> 3)] &= ~(access << (bit & 7));
}

export function readMsr({ data }: SvmDriverVcpu, msr: number): MsrOutcome {
  const { vmcb } = data;
  if (msr === MsrIndex.efer) return answerMsr(vmcb.low(Field.efer) & ~Efer.svme, vmcb.high(Field.efer));
  // INITAPICCPUIDLO: guests learn their APIC id from CPUID.
  if (msr === MsrIndex.nbConfiguration) return answerMsr(0, 1 << 22);
  return ignored.has(msr) && answerMsr(0, 0);
}

export function writeMsr({ cpu, data }: SvmDriverVcpu, msr: number, low: number, high: number): MsrOutcome {
  const { vmcb } = data;
  if (msr === MsrIndex.efer) {
    if (low & ~validEfer || high !== 0) return 'fault';
    const paging = vmcb.low(Field.cr0) < 0;
    if (paging && (low ^ vmcb.low(Field.efer)) & Efer.lme) return 'fault';
    if ((low ^ vmcb.low(Field.efer)) & eferPaging) data.flushGuest = true;
    // LMA is the processor's: a guest's write does not change it (APM vol. 2, section 3.1.7).
    vmcb.set(Field.efer, (low & ~Efer.lma) | (vmcb.low(Field.efer) & Efer.lma) | Efer.svme, 0);
    vmcb.dirty(Clean.control);
    return true;
  }
  if (msr === MsrIndex.tsc) {
    setTimestampCounter(cpu, data, low, high);
    return 'timestamp';
  }
  return ignored.has(msr);
}
