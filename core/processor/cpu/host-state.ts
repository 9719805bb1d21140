/**
 * What a host's kernel has set up before its hypervisor module is loaded: 64-bit mode at CPL 0, flat segments, a TSS, all the state
 * components that there are. The kernel's page tables are not modelled: linear addresses are physical ones.
 */
import { state as layout, Segment } from '../state/layout.ts';
import { Attribute, Cr0, Cr4, Efer, Flag } from '../state/registers.ts';
import type { Cpu } from './cpu.ts';
import { stateComponentsOf } from './xsave-area.ts';

const codeSelector = 0x08;
const stackSelector = 0x10;
const taskSelector = 0x18;
const flat = Attribute.present | Attribute.segment | Attribute.accessed | Attribute.writable | Attribute.granular;

export function standInHostMode(cpu: Cpu): void {
  const { features } = cpu.model;
  const { state } = cpu;
  cpu.stopsAtVmExit = true;
  cpu.mmu.paging.direct = true;
  state.cr0 = Cr0.pe | Cr0.mp | Cr0.et | Cr0.ne | Cr0.wp | Cr0.am | Cr0.pg;
  state.cr4 = Cr4.pae | Cr4.pge | Cr4.osfxsr | Cr4.osxmmexcpt | (features.has('xsave') ? Cr4.osxsave : 0);
  state.efer = Efer.sce | Efer.lme | Efer.lma | (features.has('nx') ? Efer.nxe : 0);
  state.set64(layout.xcr0.offset, features.has('xsave') ? stateComponentsOf(features) : 1, 0);
  // With V_INTR_MASKING it is the host's IF that lets physical interrupts end a guest's run.
  state.flags = Flag.fixed | Flag.if;
  state.setSegment(Segment.cs, codeSelector, flat | Attribute.code | Attribute.long, -1, 0, 0);
  for (const segment of [Segment.es, Segment.ss, Segment.ds, Segment.fs, Segment.gs])
    state.setSegment(segment, segment === Segment.ss ? stackSelector : 0, flat | Attribute.big, -1, 0, 0);
  state.setSegment(Segment.tr, taskSelector, Attribute.present | 0xb, 0x67, 0, 0);
  state.setSegment(Segment.ldtr, 0, 0, 0, 0, 0);
  state.cpl = 0;
  cpu.derive();
  cpu.translation.flushAll();
}
