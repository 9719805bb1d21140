/** The host-state area to the CPU (SDM vol. 3, section 28.5). */
import { gprOffset, Segment, state as layout } from '../../state/layout.ts';
import { Attribute, dr7Fixed, Efer, Flag } from '../../state/registers.ts';
import { Activity } from '../core.ts';
import type { Cpu } from '../cpu.ts';
import { Exit } from './controls.ts';
import { Field } from './fields.ts';
import { cr0Kept } from './guest-state.ts';
import type { Vmcs } from './vmcs.ts';

const copied: readonly number[] = [
  [Field.hostCr3, layout.cr3.offset],
  [Field.hostRsp, gprOffset(4)],
  [Field.hostRip, layout.rip.offset],
  [Field.hostSysenterCs, layout.sysenterCs.offset],
  [Field.hostSysenterEsp, layout.sysenterEsp.offset],
  [Field.hostSysenterEip, layout.sysenterEip.offset],
].flat();

const data = Attribute.present | Attribute.segment | Attribute.accessed | Attribute.writable;
const flat = data | Attribute.granular | Attribute.big;
const code64 = data | Attribute.code | Attribute.granular | Attribute.long;
const code32 = data | Attribute.code | Attribute.granular | Attribute.big;
const busyTask = Attribute.present | 0xb;

/** Segment, its selector's field, its base's field or 0. */
const dataSegments: readonly (readonly [number, number, number])[] = [
  [Segment.es, Field.hostEs, 0],
  [Segment.ss, Field.hostSs, 0],
  [Segment.ds, Field.hostDs, 0],
  [Segment.fs, Field.hostFs, Field.hostFsBase],
  [Segment.gs, Field.hostGs, Field.hostGsBase],
];

/** `exit`: VM-exit controls. The caller derives what follows from registers. */
export function loadHost(cpu: Cpu, vmcs: Vmcs, exit: number): void {
  const { state } = cpu;
  const host64 = (exit & Exit.host64) !== 0;
  for (let n = 0; n < copied.length; n += 2) state.set64(copied[n + 1], vmcs.low(copied[n]), vmcs.high(copied[n]));
  state.cr0 = (vmcs.low(Field.hostCr0) & ~cr0Kept) | (state.cr0 & cr0Kept);
  state.cr4 = vmcs.low(Field.hostCr4);
  state.set64(layout.dr7.offset, dr7Fixed, 0);
  const long = Efer.lma | Efer.lme;
  if ((exit & Exit.loadEfer) !== 0) state.efer = vmcs.low(Field.hostEfer);
  else state.efer = host64 ? state.efer | long : state.efer & ~long;
  if ((exit & Exit.loadPat) !== 0)
    state.set64(layout.pat.offset, vmcs.low(Field.hostPat), vmcs.high(Field.hostPat));

  state.setSegment(Segment.cs, vmcs.low(Field.hostCs), host64 ? code64 : code32, -1, 0, 0);
  for (let n = 0; n < dataSegments.length; n++) {
    const [segment, selectorField, baseField] = dataSegments[n];
    const selector = vmcs.low(selectorField) & 0xffff;
    const low = baseField === 0 ? 0 : vmcs.low(baseField);
    const high = baseField === 0 ? 0 : vmcs.high(baseField);
    state.setSegment(segment, selector, selector === 0 ? 0 : flat, selector === 0 ? 0 : -1, low, high);
  }
  state.setSegment(
    Segment.tr,
    vmcs.low(Field.hostTr),
    busyTask,
    0x67,
    vmcs.low(Field.hostTrBase),
    vmcs.high(Field.hostTrBase),
  );
  state.setSegment(Segment.ldtr, 0, 0, 0, 0, 0);
  state.setSegment(Segment.gdtr, 0, 0, 0xffff, vmcs.low(Field.hostGdtrBase), vmcs.high(Field.hostGdtrBase));
  state.setSegment(Segment.idtr, 0, 0, 0xffff, vmcs.low(Field.hostIdtrBase), vmcs.high(Field.hostIdtrBase));
  state.cpl = 0;
  state.flags = Flag.fixed;
  state.interruptShadow = 0;
  cpu.pendingDebug = 0;
  cpu.activity = Activity.running;
}
