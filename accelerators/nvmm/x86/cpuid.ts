/** CPUID inside the driver (nvmm_x86.c): which features a guest sees, how leaves are rewritten, and the per-VCPU overrides. */
import { type CpuidConf, type CpuidRegisters, Limit } from '../abi.ts';
import { Errno } from '../errno.ts';

export interface Registers {
  eax: number;
  ebx: number;
  ecx: number;
  edx: number;
}

const bits = (...positions: number[]): number => positions.reduce((mask, bit) => mask | (1 << bit), 0);

/** Allow-lists. */
export const featureMask = {
  /** SSE3 PCLMUL SSSE3 FMA CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE OSXSAVE F16C RDRAND. */
  leaf1Ecx: bits(0, 1, 9, 12, 13, 19, 20, 22, 23, 25, 26, 27, 29, 30),
  /** All but MCE MTRR MCA PSN DS ACPI TM. */
  leaf1Edx: ~bits(7, 12, 14, 18, 21, 22, 29),
  /** FSGSBASE BMI1 FDPEXONLY SMEP BMI2 ERMS FPUCSDS PQE RDSEED ADX SMAP CLFLUSHOPT CLWB. */
  leaf7Ebx: bits(0, 3, 6, 7, 8, 9, 13, 15, 18, 19, 20, 23, 24),
  /** PREFETCHWT1 UMIP GFNI VAES VPCLMUL CLDEMOTE MOVDIRI MOVDIR64B. */
  leaf7Ecx: bits(0, 2, 8, 9, 10, 25, 27, 28),
  /** FSRM MD_CLEAR SERIALIZE ARCH_CAP. */
  leaf7Edx: bits(4, 10, 14, 29),
  /** All but SVM EAPIC OSVW IBS SKINIT WDT LWP NODEID PERF* MWAITX. */
  extended1Ecx: ~bits(2, 3, 9, 10, 12, 13, 15, 19, 23, 24, 26, 27, 28, 29),
  /** All but RDTSCP. */
  extended1Edx: ~bits(27),
  /** CLZERO XSAVEERPTR WBNOINVD. */
  extended8Ebx: bits(0, 2, 9),
} as const;

export const hypervisorBit = 1 << 31;
export const osxsaveBit = 1 << 27;
export const hypervisorBase = 0x4000_0000;
export const hypervisorMax = 0x4000_0010;

const text = (four: string): number =>
  four.charCodeAt(0) | (four.charCodeAt(1) << 8) | (four.charCodeAt(2) << 16) | (four.charCodeAt(3) << 24);
/** "___ NVMM ___" in EBX, ECX, EDX. */
export const signature = { ebx: text('___ '), ecx: text('NVMM'), edx: text(' ___') } as const;

export const clear = (registers: Registers): void => {
  registers.eax = registers.ebx = registers.ecx = registers.edx = 0;
};

/** Keeps a rule's table honest: EINVAL and ENOBUFS as NVMM_VCPU_CONF_CPUID defines them. */
export function configure(overrides: Map<number, CpuidConf>, configuration: CpuidConf): Errno {
  const { mask, exit, leaf, set, del } = configuration;
  if (mask && exit) return Errno.EINVAL;
  if (mask && set && del && overlapping(set, del)) return Errno.EINVAL;
  if (!mask && !exit) {
    overrides.delete(leaf >>> 0);
    return Errno.OK;
  }
  if (!overrides.has(leaf >>> 0) && overrides.size === Limit.cpuidOverrides) return Errno.ENOBUFS;
  overrides.set(leaf >>> 0, configuration);
  return Errno.OK;
}

const overlapping = (set: CpuidRegisters, del: CpuidRegisters): boolean =>
  ((set.eax & del.eax) | (set.ebx & del.ebx) | (set.ecx & del.ecx) | (set.edx & del.edx)) !== 0;

export function applyMask({ set, del }: CpuidConf, registers: Registers): void {
  for (const name of ['eax', 'ebx', 'ecx', 'edx'] as const) {
    registers[name] = (registers[name] & ~(del?.[name] ?? 0)) | (set?.[name] ?? 0);
  }
}
