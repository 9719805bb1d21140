/** The state in which a loader wants the boot processor, as components of CpuState. */
import type { CpuState, CpuStateChange, SegmentState } from '#core';
import type { BootSegment, BootState } from './boot/boot-state.ts';

const order = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const;
const registerCount = 16;

const segment = ({ selector, base, limit, attributes }: BootSegment): SegmentState => ({
  selector,
  attributes,
  limit,
  base: BigInt(base),
});

/** Everything that a loader speaks of; the rest stays as after power-on. */
export function bootCpuState(
  boot: BootState,
  controls: CpuState['controls'],
  { tsc: _, ...msrs }: CpuState['msrs'],
): CpuStateChange {
  const { segments, gdt, idt } = boot;
  return {
    general: {
      registers: Array.from({ length: registerCount }, (_, n) => BigInt(boot.registers[order[n]] ?? 0)),
      rip: BigInt(boot.rip),
      rflags: BigInt(boot.rflags),
    },
    segments: {
      es: segment(segments.es),
      cs: segment(segments.cs),
      ss: segment(segments.ss),
      ds: segment(segments.ds),
      fs: segment(segments.fs),
      gs: segment(segments.gs),
      ldtr: segment(segments.ldtr),
      tr: segment(segments.tr),
      gdtr: { base: BigInt(gdt.base), limit: gdt.limit },
      idtr: { base: BigInt(idt.base), limit: idt.limit },
    },
    controls: { ...controls, cr0: BigInt(boot.cr0), cr3: BigInt(boot.cr3), cr4: BigInt(boot.cr4) },
    msrs: { ...msrs, efer: BigInt(boot.efer) },
  };
}
