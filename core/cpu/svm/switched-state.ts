/**
 * What VMRUN and #VMEXIT, VMLOAD and VMSAVE move between the processor and a VMCB: word by word, since both sides lie in linear memory
 * and their segments are made of the same parts.
 */
import { type Field, state as layout, Segment, segmentOffset } from '../../state/layout.ts';
import { Attribute, Cr0, dr6Fixed, dr7Fixed, Efer } from '../../state/registers.ts';
import type { StateBlock } from '../../state/state-block.ts';
import { Save } from './vmcb.ts';

/** Pairs of word offsets: in the VMCB, in the state block. */
const quad = (save: number, { offset }: Field): number[] => {
  const from = save >> 2;
  const to = offset >> 2;
  return [from, to, from + 1, to + 1];
};
/** Selector and attributes share a word on both sides. */
const segment = (save: number, index: number): number[] => {
  const from = save >> 2;
  const to = segmentOffset(index) >> 2;
  return [from, to + 3, from + 1, to + 2, from + 2, to, from + 3, to + 1];
};

class Moves {
  readonly #pairs: Int32Array;

  constructor(...rows: number[][]) {
    this.#pairs = Int32Array.from(rows.flat());
  }

  load(words: Int32Array, at: number, { i32 }: StateBlock): void {
    const pairs = this.#pairs;
    for (let n = 0; n < pairs.length; n += 2) i32[pairs[n + 1]] = words[at + pairs[n]];
  }
  store(words: Int32Array, at: number, { i32 }: StateBlock): void {
    const pairs = this.#pairs;
    for (let n = 0; n < pairs.length; n += 2) words[at + pairs[n]] = i32[pairs[n + 1]];
  }
}

/** Of host and guest. The host's go to a page of the same layout. */
export const switched = new Moves(
  segment(Save.es, Segment.es),
  segment(Save.cs, Segment.cs),
  segment(Save.ss, Segment.ss),
  segment(Save.ds, Segment.ds),
  segment(Save.gdtr, Segment.gdtr),
  segment(Save.idtr, Segment.idtr),
  quad(Save.efer, layout.efer),
  quad(Save.cr0, layout.cr0),
  quad(Save.cr3, layout.cr3),
  quad(Save.cr4, layout.cr4),
  quad(Save.rip, layout.rip),
  quad(Save.rsp, { offset: 4 * 8, width: 64 }),
  quad(Save.rax, { offset: 0, width: 64 }),
);

/** Of the guest only: the host finds what the guest has left. */
export const guestOnly = new Moves(quad(Save.cr2, layout.cr2), quad(Save.dr6, layout.dr6), quad(Save.dr7, layout.dr7));

/** VMLOAD and VMSAVE. */
export const byVmload = new Moves(
  segment(Save.fs, Segment.fs),
  segment(Save.gs, Segment.gs),
  segment(Save.ldtr, Segment.ldtr),
  segment(Save.tr, Segment.tr),
  quad(Save.star, layout.star),
  quad(Save.lstar, layout.lstar),
  quad(Save.cstar, layout.cstar),
  quad(Save.sfmask, layout.sfmask),
  quad(Save.kernelGsBase, layout.kernelGsBase),
  quad(Save.sysenterCs, layout.sysenterCs),
  quad(Save.sysenterEsp, layout.sysenterEsp),
  quad(Save.sysenterEip, layout.sysenterEip),
);

const attributeMask = 0xfff;
const codeAlways = Attribute.code | Attribute.segment | Attribute.present | Attribute.accessed;
const cr0Known = 0xe005_003f | 0;
const dr6Known = 0xe00f;

/** Sign-extends bit 47: bases of whatever form are made canonical without complaint. */
function canonicalise(i32: Int32Array, offset: number): void {
  const word = (offset >> 2) + 1;
  i32[word] = (i32[word] << 16) >> 16;
}

function tidySegment(state: StateBlock, index: number): void {
  const offset = segmentOffset(index);
  canonicalise(state.i32, offset);
  state.u16[(offset + 14) >> 1] &= attributeMask;
}

/** After `switched` was loaded: what VMRUN does not check is made to make sense. */
export function tidySwitched(state: StateBlock): void {
  const { i32, u16 } = state;
  for (let index: number = Segment.es; index <= Segment.ds; index++) tidySegment(state, index);
  u16[(segmentOffset(Segment.cs) + 14) >> 1] |= codeAlways;
  for (const index of [Segment.gdtr, Segment.idtr]) {
    const offset = segmentOffset(index);
    canonicalise(i32, offset);
    i32[(offset + 8) >> 2] &= 0xffff;
    i32[(offset + 12) >> 2] = 0;
  }
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

export function tidyVmloaded(state: StateBlock): void {
  const { i32 } = state;
  for (const index of [Segment.fs, Segment.gs, Segment.ldtr, Segment.tr]) tidySegment(state, index);
  for (const { offset } of [layout.kernelGsBase, layout.lstar, layout.cstar, layout.sysenterEsp, layout.sysenterEip])
    canonicalise(i32, offset);
  i32[(layout.sfmask.offset >> 2) + 1] = 0;
}
