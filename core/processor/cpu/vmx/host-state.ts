/** The host-state area to the CPU (SDM vol. 3, section 28.5). */
import { gprOffset, state as layout, Segment, segmentOffset } from '../../state/layout.ts';
import { Attribute, dr7Fixed, Efer, Flag } from '../../state/registers.ts';
import { Activity } from '../core.ts';
import type { Cpu } from '../cpu.ts';
import { block, MoveLists, type Place, page, quad, type RegisterMoves } from '../register-moves.ts';
import { Exit } from './controls.ts';
import { byteOf, Field, wordOf } from './fields.ts';
import { cr0Kept } from './guest-state.ts';
import type { Vmcs } from './vmcs.ts';

const data = Attribute.present | Attribute.segment | Attribute.accessed | Attribute.writable;
const flat = data | Attribute.granular | Attribute.big;
const code64 = data | Attribute.code | Attribute.granular | Attribute.long;
const code32 = data | Attribute.code | Attribute.granular | Attribute.big;
const busyTask = Attribute.present | 0xb;

/** ES, SS, DS, FS, GS: flat, or not there where the selector is 0. `base`: 0 where it is none of the VMCS's. */
const dataSegment = (index: number, selector: number, base: number): Place => {
  const to = segmentOffset(index);
  return {
    load(f) {
      f.get(block);
      if (base === 0) f.i64(0);
      else f.get(page).memory('i64.load', byteOf(base));
      f.memory('i64.store', to);
      f.get(block).get(page).memory('i64.load16_u', byteOf(selector)).i64(32).op('i64.shl');
      f.i64((BigInt(flat) << 48n) | 0xffff_ffffn).op('i64.or');
      f.i64(0)
        .get(page)
        .memory('i32.load16_u', byteOf(selector))
        .op('select')
        .memory('i64.store', to + 8);
    },
    store() {},
  };
};

/** Loaded only. */
export const hostMoves = new MoveLists({
  host: [
    quad(byteOf(Field.hostCr3), layout.cr3),
    quad(byteOf(Field.hostRsp), { offset: gprOffset(4) }),
    quad(byteOf(Field.hostRip), layout.rip),
    quad(byteOf(Field.hostSysenterCs), layout.sysenterCs),
    quad(byteOf(Field.hostSysenterEsp), layout.sysenterEsp),
    quad(byteOf(Field.hostSysenterEip), layout.sysenterEip),
    dataSegment(Segment.es, Field.hostEs, 0),
    dataSegment(Segment.ss, Field.hostSs, 0),
    dataSegment(Segment.ds, Field.hostDs, 0),
    dataSegment(Segment.fs, Field.hostFs, Field.hostFsBase),
    dataSegment(Segment.gs, Field.hostGs, Field.hostGsBase),
  ],
});

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
export function loadHost(cpu: Cpu, vmcs: Vmcs, moves: RegisterMoves, exit: number): void {
  const { state } = cpu;
  const host64 = (exit & Exit.host64) !== 0;
  const { words, base } = vmcs;
  moves.load(state.base, base << 2);
  state.cr0 = (words[base + at.hostCr0] & ~cr0Kept) | (state.cr0 & cr0Kept);
  state.cr4 = words[base + at.hostCr4];
  state.set64(layout.dr7.offset, dr7Fixed, 0);
  state.set64(layout.debugControl.offset, 0, 0);
  const long = Efer.lma | Efer.lme;
  if ((exit & Exit.loadEfer) !== 0) state.efer = words[base + at.hostEfer];
  else state.efer = host64 ? state.efer | long : state.efer & ~long;
  if ((exit & Exit.loadPat) !== 0)
    state.set64(layout.pat.offset, words[base + at.hostPat], words[base + at.hostPat + 1]);

  state.setSegment(Segment.cs, words[base + at.hostCs], host64 ? code64 : code32, -1, 0, 0);
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
