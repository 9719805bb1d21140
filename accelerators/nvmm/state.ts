/** CpuState of the contract, from and to NVMM's state components. */
import type { CpuState, CpuStateChange, SegmentState, StateComponent, TableState } from '#core';
import { Cr, Dr, Gpr, Intr, Msr, Seg, StateFlag } from './abi.ts';
import type { X64StateView } from './libnvmm/state-view.ts';

/** NVMM's flag of each component. */
export const flagOf: Readonly<Record<StateComponent, number>> = {
  general: StateFlag.gprs,
  segments: StateFlag.segs,
  controls: StateFlag.crs,
  debug: StateFlag.drs,
  msrs: StateFlag.msrs,
  interrupts: StateFlag.intr,
  fpu: StateFlag.fpu,
  vector: StateFlag.vector,
};

const segmentIndex = {
  es: Seg.es,
  cs: Seg.cs,
  ss: Seg.ss,
  ds: Seg.ds,
  fs: Seg.fs,
  gs: Seg.gs,
  ldtr: Seg.ldt,
  tr: Seg.tr,
} as const;
const tableIndex = { gdtr: Seg.gdt, idtr: Seg.idt } as const;
const controlIndex = { cr0: Cr.cr0, cr2: Cr.cr2, cr3: Cr.cr3, cr4: Cr.cr4, cr8: Cr.cr8, xcr0: Cr.xcr0 } as const;
const debugIndex = { dr0: Dr.dr0, dr1: Dr.dr1, dr2: Dr.dr2, dr3: Dr.dr3, dr6: Dr.dr6, dr7: Dr.dr7 } as const;
const storedMsrIndex = {
  efer: Msr.efer,
  star: Msr.star,
  lstar: Msr.lstar,
  cstar: Msr.cstar,
  sfmask: Msr.sfmask,
  kernelGsBase: Msr.kernelGsBase,
  sysenterCs: Msr.sysenterCs,
  sysenterEsp: Msr.sysenterEsp,
  sysenterEip: Msr.sysenterEip,
  pat: Msr.pat,
} as const;
const msrIndex = { ...storedMsrIndex, tsc: Msr.tsc } as const;

const collect = <K extends string, V>(index: Readonly<Record<K, number>>, read: (n: number) => V): Record<K, V> =>
  Object.fromEntries(Object.entries<number>(index).map(([name, n]) => [name, read(n)])) as Record<K, V>;
const spread = <K extends string, V>(
  index: Readonly<Record<K, number>>,
  values: Readonly<Record<K, V>>,
  write: (n: number, value: V) => void,
): void => {
  for (const [name, n] of Object.entries<number>(index)) write(n, values[name as K]);
};

const readers: { readonly [C in StateComponent]: (view: X64StateView, halted: boolean) => CpuState[C] } = {
  general: view => ({
    registers: Array.from({ length: 16 }, (_, n) => view.gpr(n)),
    rip: view.gpr(Gpr.rip),
    rflags: view.gpr(Gpr.rflags),
  }),
  segments: view => ({
    ...collect<keyof typeof segmentIndex, SegmentState>(segmentIndex, n => view.segment(n)),
    ...collect<keyof typeof tableIndex, TableState>(tableIndex, n => ({
      limit: view.segmentLimit(n),
      base: view.segment(n).base,
    })),
  }),
  controls: view => collect(controlIndex, n => view.cr(n)),
  debug: view => collect(debugIndex, n => view.dr(n)),
  msrs: view => collect(msrIndex, n => view.msr(n)),
  interrupts: (view, halted) => ({
    shadow: (view.intr & Intr.shadow) !== 0,
    nmiBlocked: (view.intr & Intr.nmiWindowExiting) !== 0,
    halted,
  }),
  fpu: view => view.fpu.slice(),
  vector: view => view.vector.slice(),
};

const writers: { readonly [C in StateComponent]: (view: X64StateView, value: Required<CpuStateChange>[C]) => void } = {
  general: (view, { registers, rip, rflags }) => {
    registers.forEach((value, n) => {
      view.setGpr(n, value);
    });
    view.setGpr(Gpr.rip, rip);
    view.setGpr(Gpr.rflags, rflags);
  },
  segments: (view, segments) => {
    spread(segmentIndex, segments as Record<keyof typeof segmentIndex, SegmentState>, (n, value) =>
      view.setSegment(n, value),
    );
    spread(tableIndex, segments as Record<keyof typeof tableIndex, TableState>, (n, { limit, base }) =>
      view.setSegment(n, { selector: 0, attributes: 0, limit, base }),
    );
  },
  controls: (view, controls) => spread(controlIndex, controls, (n, value) => view.setCr(n, value)),
  debug: (view, debug) =>
    spread<keyof typeof debugIndex, bigint>(debugIndex, debug, (n, value) => view.setDr(n, value)),
  msrs: (view, { tsc, ...msrs }) => {
    spread(storedMsrIndex, msrs, (n, value) => view.setMsr(n, value));
    if (tsc !== undefined) view.setMsr(Msr.tsc, tsc);
  },
  interrupts: (view, { shadow, nmiBlocked }) => {
    view.intr = (shadow ? Intr.shadow : 0) | (nmiBlocked ? Intr.nmiWindowExiting : 0);
  },
  fpu: (view, image) => view.fpu.set(image),
  vector: (view, upper) => view.vector.set(upper),
};

export const readComponent = <C extends StateComponent>(
  view: X64StateView,
  component: C,
  halted: boolean,
): CpuState[C] => readers[component](view, halted);
export const writeComponent = <C extends StateComponent>(
  view: X64StateView,
  component: C,
  value: Required<CpuStateChange>[C],
): void => writers[component](view, value);
