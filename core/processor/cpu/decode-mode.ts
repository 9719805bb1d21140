/** Decode mode and privilege level, as they follow from control registers, RFLAGS.VM, CS and SS. */
import { Segment } from '../state/layout.ts';
import { CodeSize, mode64, modeOf } from '../state/mode.ts';
import { Attribute, Cr0, dplOf, Efer, Flag } from '../state/registers.ts';
import type { StateBlock } from '../state/state-block.ts';

export function decodeModeOf(state: StateBlock): number {
  const code = state.attributes(Segment.cs);
  if ((state.efer & Efer.lma) !== 0 && (code & Attribute.long) !== 0) return mode64;
  const size = (code & Attribute.big) !== 0 ? CodeSize.bits32 : CodeSize.bits16;
  const wideStack = (state.attributes(Segment.ss) & Attribute.big) !== 0;
  const real = (state.cr0 & Cr0.pe) === 0 || (state.systemFlags & Flag.vm) !== 0;
  return modeOf(size, wideStack, real, !real && isFlat(state));
}

/** CS, SS, DS and ES span 4 GiB from 0, and nothing but a page can refuse an access. */
function isFlat(state: StateBlock): boolean {
  if ((state.attributes(Segment.cs) & Attribute.readable) === 0) return false;
  for (let segment: number = Segment.es; segment <= Segment.ds; segment++) {
    const attributes = state.attributes(segment);
    if ((attributes & Attribute.present) === 0) return false;
    if (state.baseLow(segment) !== 0 || state.limit(segment) !== 0xffff_ffff) return false;
    if (segment === Segment.cs) continue;
    const kind = attributes & (Attribute.code | Attribute.expandDown | Attribute.writable);
    if (kind !== Attribute.writable) return false;
  }
  return true;
}

/** SS.DPL in protected mode. */
export function cplOf(state: StateBlock): number {
  if ((state.cr0 & Cr0.pe) === 0) return 0;
  return (state.systemFlags & Flag.vm) !== 0 ? 3 : dplOf(state.attributes(Segment.ss));
}
