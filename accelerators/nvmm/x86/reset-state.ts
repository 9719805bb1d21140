/** The state of a VCPU after its creation, before its first run (nvmm_x86.c, nvmm_x86_reset_state). */
import { Attribute, Cr0, dr6Fixed, dr7Fixed, Flag } from '#core';
import { Cr, Dr, Gpr, Msr, Seg, X64State } from '../abi.ts';
import type { CommPage } from '../driver/machine.ts';

const { present, segment: code } = Attribute;

const segments: readonly {
  readonly index: number;
  readonly selector?: number;
  readonly base?: number;
  readonly attributes: number;
}[] = [
  { index: Seg.es, attributes: 3 | code | present },
  { index: Seg.cs, selector: 0xf000, base: 0xffff_0000, attributes: 3 | code | present },
  { index: Seg.ss, attributes: 3 | code | present },
  { index: Seg.ds, attributes: 3 | code | present },
  { index: Seg.fs, attributes: 3 | code | present },
  { index: Seg.gs, attributes: 3 | code | present },
  { index: Seg.gdt, attributes: 0 },
  { index: Seg.idt, attributes: 0 },
  { index: Seg.ldt, attributes: 2 | present },
  { index: Seg.tr, attributes: 3 | present },
];

export function writeResetState(comm: CommPage): void {
  const { bytes } = comm;
  bytes.fill(0);
  for (const { index, selector = 0, base = 0, attributes } of segments) {
    const word = comm.stateWord(X64State.segs + index * 16);
    comm.words[word] = selector | (attributes << 16);
    comm.words[word + 1] = 0xffff;
    comm.words[word + 2] = base;
    comm.words[word + 3] = 0;
  }
  const set64 = (area: number, index: number, low: number, high = 0) => comm.set(area + index * 8, low, high);
  set64(X64State.gprs, Gpr.rdx, 0x600);
  set64(X64State.gprs, Gpr.rip, 0xfff0);
  set64(X64State.gprs, Gpr.rflags, Flag.fixed);
  set64(X64State.crs, Cr.cr0, Cr0.cd | Cr0.nw | Cr0.et);
  set64(X64State.crs, Cr.xcr0, 1);
  set64(X64State.drs, Dr.dr6, dr6Fixed);
  set64(X64State.drs, Dr.dr7, dr7Fixed);
  set64(X64State.msrs, Msr.pat, 0x0007_0406, 0x0007_0406);
  const fpu = comm.stateWord(X64State.fpu);
  comm.words[fpu] = 0x0040;
  // Abridged tag word: FXSAVE's byte 4.
  bytes[(fpu - comm.word) * 4 + 4] = 0x55;
  comm.words[fpu + 6] = 0x1f80;
  comm.words[fpu + 7] = 0xffff;
}
