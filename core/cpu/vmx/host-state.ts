/** The host-state area to the CPU (SDM vol. 3, section 28.5). */
import { gprOffset, state as layout, Segment, segmentOffset } from '../../state/layout.ts';
import { Attribute, dr7Fixed, Efer, Flag } from '../../state/registers.ts';
import type { StateBlock } from '../../state/state-block.ts';
import { Activity } from '../core.ts';
import type { Cpu } from '../cpu.ts';
import { Exit } from './controls.ts';
import { Field, wordOf } from './fields.ts';
import { cr0Kept } from './guest-state.ts';
import type { Vmcs } from './vmcs.ts';

/** Word of the VMCS, word of the state block. */
const copied = Int32Array.from(
  [
    [Field.hostCr3, layout.cr3.offset],
    [Field.hostRsp, gprOffset(4)],
    [Field.hostRip, layout.rip.offset],
    [Field.hostSysenterCs, layout.sysenterCs.offset],
    [Field.hostSysenterEsp, layout.sysenterEsp.offset],
    [Field.hostSysenterEip, layout.sysenterEip.offset],
  ].flatMap(([field, offset]) => [wordOf(field), offset >> 2]),
);

const data = Attribute.present | Attribute.segment | Attribute.accessed | Attribute.writable;
const flat = data | Attribute.granular | Attribute.big;
const code64 = data | Attribute.code | Attribute.granular | Attribute.long;
const code32 = data | Attribute.code | Attribute.granular | Attribute.big;
const busyTask = Attribute.present | 0xb;

/** Word of the state block where a segment begins; words of its selector and base in the VMCS (base 0: none). */
const dataSegments = Int32Array.from(
  [
    [Segment.es, Field.hostEs, 0],
    [Segment.ss, Field.hostSs, 0],
    [Segment.ds, Field.hostDs, 0],
    [Segment.fs, Field.hostFs, Field.hostFsBase],
    [Segment.gs, Field.hostGs, Field.hostGsBase],
  ].flatMap(([segment, selector, base]) => [
    segmentOffset(segment) >> 2,
    wordOf(selector),
    base === 0 ? 0 : wordOf(base),
  ]),
);

function loadSegments({ i32 }: StateBlock, { words, base }: Vmcs): void {
  for (let n = 0; n < dataSegments.length; n += 3) {
    const to = dataSegments[n];
    const selector = words[base + dataSegments[n + 1]] & 0xffff;
    const from = dataSegments[n + 2];
    i32[to] = from === 0 ? 0 : words[base + from];
    i32[to + 1] = from === 0 ? 0 : words[base + from + 1];
    i32[to + 2] = selector === 0 ? 0 : -1;
    i32[to + 3] = selector === 0 ? 0 : selector | (flat << 16);
  }
}

/** `exit`: VM-exit controls. The caller derives what follows from registers. */
export function loadHost(cpu: Cpu, vmcs: Vmcs, exit: number): void {
  const { state } = cpu;
  const host64 = (exit & Exit.host64) !== 0;
  const { i32 } = state;
  const { words, base } = vmcs;
  for (let n = 0; n < copied.length; n += 2) {
    const from = base + copied[n];
    i32[copied[n + 1]] = words[from];
    i32[copied[n + 1] + 1] = words[from + 1];
  }
  state.cr0 = (vmcs.low(Field.hostCr0) & ~cr0Kept) | (state.cr0 & cr0Kept);
  state.cr4 = vmcs.low(Field.hostCr4);
  state.set64(layout.dr7.offset, dr7Fixed, 0);
  const long = Efer.lma | Efer.lme;
  if ((exit & Exit.loadEfer) !== 0) state.efer = vmcs.low(Field.hostEfer);
  else state.efer = host64 ? state.efer | long : state.efer & ~long;
  if ((exit & Exit.loadPat) !== 0) state.set64(layout.pat.offset, vmcs.low(Field.hostPat), vmcs.high(Field.hostPat));

  state.setSegment(Segment.cs, vmcs.low(Field.hostCs), host64 ? code64 : code32, -1, 0, 0);
  loadSegments(state, vmcs);
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
