/** What MOV CR checks and does (SDM vol. 3, section 2.5; vol. 2, MOV CR): loading CR0, CR3, CR4, CR8 and EFER. */
import { reservedHighBits } from '../mmu/nested-formats.ts';
import { state as layout, Segment } from '../state/layout.ts';
import { Attribute, Cr0, Cr4, Efer, Vector } from '../state/registers.ts';
import type { CpuCore } from './core.ts';

const cr0Defined = Cr0.pe | Cr0.mp | Cr0.em | Cr0.ts | Cr0.et | Cr0.ne | Cr0.wp | Cr0.am | Cr0.nw | Cr0.cd | Cr0.pg;
/** Changes of these flush translations. */
const cr4Flushing = Cr4.pge | Cr4.pse | Cr4.pae | Cr4.pcide | Cr4.smep;
const cr4Pdptes = Cr4.pge | Cr4.pse | Cr4.pae | Cr4.smep;

const is16BitTask = (attributes: number): boolean =>
  (attributes & (Attribute.present | Attribute.segment | 0xd)) === (Attribute.present | 1);

/** What may be wrong with a value, but for the PDPTEs that go with it. */
function checkCr0(cpu: CpuCore, low: number, high: number): void {
  const { state, virtualization } = cpu;
  const before = state.cr0;
  const value = (low & cr0Defined) | Cr0.et;
  if (high !== 0) cpu.raise(Vector.gp, 0);
  if ((value & Cr0.pg) !== 0 && (value & Cr0.pe) === 0) cpu.raise(Vector.gp, 0);
  if ((value & Cr0.nw) !== 0 && (value & Cr0.cd) === 0) cpu.raise(Vector.gp, 0);
  if (virtualization?.controlRefused(0, value)) cpu.raise(Vector.gp, 0);
  const pagingOn = (value & ~before & Cr0.pg) !== 0;
  const pagingOff = (before & ~value & Cr0.pg) !== 0;
  if (pagingOn && (state.efer & Efer.lme) !== 0) {
    if ((state.cr4 & Cr4.pae) === 0) cpu.raise(Vector.gp, 0);
    if ((state.attributes(Segment.cs) & Attribute.long) !== 0) cpu.raise(Vector.gp, 0);
    // A task of the 80286, which IA-32e mode does not have (SDM vol. 2, MOV CR).
    if (cpu.model.dialect === 'intel' && is16BitTask(state.attributes(Segment.tr))) cpu.raise(Vector.gp, 0);
  }
  if (pagingOff && (cpu.is64 || (state.cr4 & Cr4.pcide) !== 0)) cpu.raise(Vector.gp, 0);
}

export function loadCr0(cpu: CpuCore, low: number, high: number): void {
  checkCr0(cpu, low, high);
  const { state } = cpu;
  const before = state.cr0;
  const value = (low & cr0Defined) | Cr0.et;
  const { efer } = state;
  const long = (value & Cr0.pg) !== 0 && (efer & Efer.lme) !== 0;
  state.cr0 = value;
  state.efer = long ? efer | Efer.lma : efer & ~Efer.lma;
  if (cpu.usesPdptes && ((before ^ value) & (Cr0.pg | Cr0.cd | Cr0.nw)) !== 0) {
    refusePdptes(cpu, () => {
      state.cr0 = before;
      state.efer = efer;
    });
  }
  cpu.unitsChanged();
  if (((before ^ value) & (Cr0.pg | Cr0.wp | Cr0.cd | Cr0.nw)) !== 0) cpu.translation.flushCurrentSpace();
  cpu.modeChanged();
  cpu.translation.refresh();
}

/** Loads the PDPTEs; #GP(0), after `undo`, where they are wrong. */
function refusePdptes(cpu: CpuCore, undo: () => void): void {
  let wrong = true;
  try {
    wrong = cpu.translation.loadPdptes() !== 0;
  } catch (thrown) {
    undo();
    throw thrown;
  }
  if (!wrong) return;
  undo();
  cpu.raise(Vector.gp, 0);
}

/** With PCIDs bit 63 asks to keep translations. */
const keeps = (cpu: CpuCore, high: number): boolean => high < 0 && (cpu.state.cr4 & Cr4.pcide) !== 0;
const withoutKeep = (cpu: CpuCore, high: number): number => (keeps(cpu, high) ? high & 0x7fff_ffff : high);

function checkCr3(cpu: CpuCore, _low: number, high: number): void {
  const reserved = reservedHighBits(cpu.model.physicalBits, 52) | 0xfff0_0000;
  if (cpu.isLong && (withoutKeep(cpu, high) & reserved) !== 0) cpu.raise(Vector.gp, 0);
}

export function loadCr3(cpu: CpuCore, low: number, high: number): void {
  checkCr3(cpu, low, high);
  const { state } = cpu;
  const keep = keeps(cpu, high);
  const { offset } = layout.cr3;
  const beforeLow = state.low(offset);
  const beforeHigh = state.high(offset);
  state.set64(offset, low, withoutKeep(cpu, high));
  if (cpu.usesPdptes) refusePdptes(cpu, () => state.set64(offset, beforeLow, beforeHigh));
  cpu.translation.rootLoaded(keep);
}

/** CR4 bits that the processor has. */
export function cr4Defined(cpu: CpuCore): number {
  const { features } = cpu.model;
  const optional: readonly (readonly [string, number])[] = [
    ['vme', Cr4.vme | Cr4.pvi],
    ['tsc', Cr4.tsd],
    ['de', Cr4.de],
    ['pse', Cr4.pse],
    ['pae', Cr4.pae],
    ['mce', Cr4.mce],
    ['pge', Cr4.pge],
    ['fxsr', Cr4.osfxsr],
    ['sse', Cr4.osxmmexcpt],
    ['umip', Cr4.umip],
    ['fsgsbase', Cr4.fsgsbase],
    ['pcid', Cr4.pcide],
    ['xsave', Cr4.osxsave],
    ['smep', Cr4.smep],
    ['smap', Cr4.smap],
  ];
  // PCE: there are no counters, but the bit decides about RDPMC.
  const own = optional.reduce((bits, [name, bit]) => (features.has(name) ? bits | bit : bits), Cr4.pce as number);
  // Every processor may be told to report machine checks.
  return own | Cr4.mce | (cpu.virtualization?.cr4Bits ?? 0);
}

function checkCr4(cpu: CpuCore, low: number, high: number): void {
  const { state, virtualization } = cpu;
  const before = state.cr4;
  if (high !== 0 || (low & ~cr4Defined(cpu)) !== 0) cpu.raise(Vector.gp, 0);
  if (cpu.isLong && (low & Cr4.pae) === 0) cpu.raise(Vector.gp, 0);
  if ((low & ~before & Cr4.pcide) !== 0 && (!cpu.isLong || (state.low(layout.cr3.offset) & 0xfff) !== 0))
    cpu.raise(Vector.gp, 0);
  if (virtualization?.controlRefused(4, low)) cpu.raise(Vector.gp, 0);
}

export function loadCr4(cpu: CpuCore, low: number, high: number): void {
  checkCr4(cpu, low, high);
  const { state } = cpu;
  const before = state.cr4;
  state.cr4 = low;
  if (cpu.usesPdptes && ((before ^ low) & cr4Pdptes) !== 0) {
    refusePdptes(cpu, () => {
      state.cr4 = before;
    });
  }
  cpu.unitsChanged();
  if (((before ^ low) & Cr4.de) !== 0) cpu.translation.refreshWatchpoints();
  if (((before ^ low) & cr4Flushing) !== 0) cpu.translation.flushCurrentSpace();
  cpu.translation.refresh();
}

function checkCr8(cpu: CpuCore, low: number, high: number): void {
  if (high !== 0 || (low & ~0xf) !== 0) cpu.raise(Vector.gp, 0);
}

export function loadCr8(cpu: CpuCore, low: number, high: number): void {
  checkCr8(cpu, low, high);
  cpu.taskPriority = low;
}

const checks: Readonly<Record<number, typeof checkCr0>> = { 0: checkCr0, 3: checkCr3, 4: checkCr4, 8: checkCr8 };

/** #GP(0) where MOV would refuse the value, but for PDPTEs, which lie in memory. */
export function checkControl(cpu: CpuCore, register: number, low: number, high: number): void {
  checks[register]?.(cpu, low, high);
}

/** MOV to CR0, CR2, CR3, CR4 or CR8. */
export function loadControl(cpu: CpuCore, register: number, low: number, high: number): void {
  switch (register) {
    case 0:
      loadCr0(cpu, low, high);
      break;
    case 2:
      cpu.state.set64(layout.cr2.offset, low, high);
      break;
    case 3:
      loadCr3(cpu, low, high);
      break;
    case 4:
      loadCr4(cpu, low, high);
      break;
    case 8:
      loadCr8(cpu, low, high);
      break;
    default:
      cpu.raise(Vector.ud);
  }
}

const controlOffsets: Readonly<Record<number, number>> = {
  0: layout.cr0.offset,
  2: layout.cr2.offset,
  3: layout.cr3.offset,
  4: layout.cr4.offset,
};

/** Into (cpu.low, cpu.high). */
export function storeControl(cpu: CpuCore, register: number): void {
  cpu.high = 0;
  if (register === 8) {
    cpu.low = cpu.taskPriority;
    return;
  }
  const offset = controlOffsets[register];
  if (offset === undefined) cpu.raise(Vector.ud);
  cpu.low = cpu.state.low(offset);
  cpu.high = cpu.state.high(offset);
}

/** EFER bits that the processor has. */
export function eferDefined({ model: { features }, virtualization }: CpuCore): number {
  return (
    (features.has('syscall') ? Efer.sce : 0) |
    (features.has('lm') ? Efer.lme | Efer.lma : 0) |
    (features.has('nx') ? Efer.nxe : 0) |
    (virtualization?.eferBits ?? 0)
  );
}

/** WRMSR to EFER. False: #GP. */
export function loadEfer(cpu: CpuCore, low: number, high: number): boolean {
  const { state } = cpu;
  const before = state.efer;
  if (high !== 0 || (low & ~eferDefined(cpu)) !== 0) return false;
  if (((low ^ before) & Efer.lme) !== 0 && (state.cr0 & Cr0.pg) !== 0) return false;
  state.efer = (low & ~Efer.lma) | (before & Efer.lma);
  if (((before ^ low) & Efer.nxe) !== 0) cpu.translation.flushCurrentSpace();
  cpu.translation.refresh();
  return true;
}
