/**
 * What VMRUN and #VMEXIT, VMLOAD and VMSAVE move between the processor and a VMCB: both sides lie in linear memory, and their segments are
 * made of the same parts.
 */
import { state as layout, Segment, segmentOffset } from '../../state/layout.ts';
import { Attribute, Cr0, dr6Fixed, dr7Fixed, Efer } from '../../state/registers.ts';
import type { StateBlock } from '../../state/state-block.ts';
import { block, loadBase, low, MoveLists, type Place, page, quad } from '../register-moves.ts';
import { Save } from './vmcb.ts';

/** Bits of linear addresses that exist: bases are made canonical without complaint. */
const linearBits = 48;

/**
 * Selector, attributes and limit are one quadword here and two there, in the other order. `defined`: the bits of the block's quadword
 * that exist.
 */
const descriptor =
  (defined: bigint) =>
  (save: number, index: number): Place => {
    const to = segmentOffset(index);
    return {
      load(f) {
        f.get(block);
        loadBase(f, save + 8, linearBits);
        f.memory('i64.store', to);
        f.get(block).get(page).memory('i64.load', save).i64(32).op('i64.rotl');
        f.i64(defined)
          .op('i64.and')
          .memory('i64.store', to + 8);
      },
      store(f) {
        f.get(page)
          .get(block)
          .memory('i64.load', to)
          .memory('i64.store', save + 8);
        f.get(page)
          .get(block)
          .memory('i64.load', to + 8)
          .i64(32)
          .op('i64.rotl')
          .memory('i64.store', save);
      },
    };
  };
/** Twelve attributes. */
const segment = descriptor(0x0fff_ffff_ffff_ffffn);
/** GDTR and IDTR: 16 bits of limit. */
const table = descriptor(0xffffn);

const switched = [
  segment(Save.es, Segment.es),
  segment(Save.cs, Segment.cs),
  segment(Save.ss, Segment.ss),
  segment(Save.ds, Segment.ds),
  table(Save.gdtr, Segment.gdtr),
  table(Save.idtr, Segment.idtr),
  quad(Save.efer, layout.efer),
  quad(Save.cr0, layout.cr0),
  quad(Save.cr3, layout.cr3),
  quad(Save.cr4, layout.cr4),
  quad(Save.rip, layout.rip),
  quad(Save.rsp, { offset: 4 * 8 }),
  quad(Save.rax, { offset: 0 }),
];

export const movesOfSvm = new MoveLists({
  /** To and from a page of the VMCB's layout. */
  host: switched,
  /** What is not the host's too: that finds what the guest has left. */
  guest: [...switched, quad(Save.cr2, layout.cr2), quad(Save.dr6, layout.dr6), quad(Save.dr7, layout.dr7)],
  vmload: [
    segment(Save.fs, Segment.fs),
    segment(Save.gs, Segment.gs),
    segment(Save.ldtr, Segment.ldtr),
    segment(Save.tr, Segment.tr),
    quad(Save.star, layout.star),
    quad(Save.lstar, layout.lstar, linearBits),
    quad(Save.cstar, layout.cstar, linearBits),
    low(Save.sfmask, layout.sfmask),
    quad(Save.kernelGsBase, layout.kernelGsBase, linearBits),
    quad(Save.sysenterCs, layout.sysenterCs),
    quad(Save.sysenterEsp, layout.sysenterEsp, linearBits),
    quad(Save.sysenterEip, layout.sysenterEip, linearBits),
  ],
});

const codeAlways = Attribute.code | Attribute.segment | Attribute.present | Attribute.accessed;
const codeAttributes = (segmentOffset(Segment.cs) + 14) >> 1;
const cr0Known = 0xe005_003f | 0;
const dr6Known = 0xe00f;

/** After `guest` or `host` was loaded: what VMRUN does not check is made to make sense. */
export function tidySwitched(state: StateBlock): void {
  state.u16[codeAttributes] |= codeAlways;
  state.cr0 = (state.cr0 & cr0Known) | Cr0.et;
  const long = (state.efer & Efer.lme) !== 0 && (state.cr0 & Cr0.pg) !== 0;
  state.efer = long ? state.efer | Efer.lma : state.efer & ~Efer.lma;
}

/** RIP is as wide as the code segment. */
export function tidyRip(state: StateBlock): void {
  const is64 = (state.efer & Efer.lma) !== 0 && (state.attributes(Segment.cs) & Attribute.long) !== 0;
  if (!is64) state.setRip(state.ripLow, 0);
}

export function tidyDebug(state: StateBlock): void {
  state.set64(layout.dr6.offset, (state.low(layout.dr6.offset) & dr6Known) | dr6Fixed, 0);
  state.set64(layout.dr7.offset, (state.low(layout.dr7.offset) & ~0xd800) | dr7Fixed, 0);
}
