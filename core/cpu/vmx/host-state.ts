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

/** Words of the VMCS. */
const at = {
  hostCr0: wordOf(Field.hostCr0),
  hostCr4: wordOf(Field.hostCr4),
  hostEfer: wordOf(Field.hostEfer),
  hostPat: wordOf(Field.hostPat),
  hostCs: wordOf(Field.hostCs),
  hostTr: wordOf(Field.hostTr),
  hostTrBase: wordOf(Field.hostTrBase),
  hostGdtrBase: wordOf(Field.hostGdtrBase),
  hostIdtrBase: wordOf(Field.hostIdtrBase),
} as const;

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
  state.cr0 = (words[base + at.hostCr0] & ~cr0Kept) | (state.cr0 & cr0Kept);
  state.cr4 = words[base + at.hostCr4];
  state.set64(layout.dr7.offset, dr7Fixed, 0);
  const long = Efer.lma | Efer.lme;
  if ((exit & Exit.loadEfer) !== 0) state.efer = words[base + at.hostEfer];
  else state.efer = host64 ? state.efer | long : state.efer & ~long;
  if ((exit & Exit.loadPat) !== 0)
    state.set64(layout.pat.offset, words[base + at.hostPat], words[base + at.hostPat + 1]);

  state.setSegment(Segment.cs, words[base + at.hostCs], host64 ? code64 : code32, -1, 0, 0);
  loadSegments(state, vmcs);
  state.setSegment(
    Segment.tr,
    words[base + at.hostTr],
    busyTask,
    0x67,
    words[base + at.hostTrBase],
    words[base + at.hostTrBase + 1],
  );
  state.setSegment(Segment.ldtr, 0, 0, 0, 0, 0);
  state.setSegment(Segment.gdtr, 0, 0, 0xffff, words[base + at.hostGdtrBase], words[base + at.hostGdtrBase + 1]);
  state.setSegment(Segment.idtr, 0, 0, 0xffff, words[base + at.hostIdtrBase], words[base + at.hostIdtrBase + 1]);
  state.cpl = 0;
  state.flags = Flag.fixed;
  state.interruptShadow = 0;
  cpu.pendingDebug = 0;
  cpu.activity = Activity.running;
}
