/** How a processor executes and pages, as its state says (SDM vol. 3, sections 2.2 and 4.1.1). */
import { Attribute, type CpuState, Cr0, Cr4, Efer, Flag } from '#core';

export interface ProcessorMode {
  readonly execution: 'real' | 'virtual-8086' | 'protected' | 'compatibility' | 'long';
  /** Default operand and address size of code. In real mode it may be 32, too: CS keeps its size when protected mode ends. */
  readonly codeBits: 16 | 32 | 64;
  readonly paging: 'none' | '32-bit' | 'pae' | '4-level' | '5-level';
}

export type PagingState = Pick<CpuState, 'controls' | 'msrs'>;

const has = (register: bigint, bit: number): boolean => (Number(BigInt.asIntN(32, register)) & bit) !== 0;

export function pagingOf({ controls: { cr0, cr4 }, msrs: { efer } }: PagingState): ProcessorMode['paging'] {
  if (!has(cr0, Cr0.pg)) return 'none';
  if (!has(cr4, Cr4.pae)) return '32-bit';
  if (!has(efer, Efer.lma)) return 'pae';
  return has(cr4, Cr4.la57) ? '5-level' : '4-level';
}

export function modeOf(state: PagingState & Pick<CpuState, 'general' | 'segments'>): ProcessorMode {
  const { controls, general, msrs, segments } = state;
  const { attributes } = segments.cs;
  const paging = pagingOf(state);
  const codeBits = (attributes & Attribute.big) !== 0 ? 32 : 16;
  if (!has(controls.cr0, Cr0.pe)) return { execution: 'real', codeBits, paging };
  if (has(msrs.efer, Efer.lma))
    return (attributes & Attribute.long) !== 0
      ? { execution: 'long', codeBits: 64, paging }
      : { execution: 'compatibility', codeBits, paging };
  if (has(general.rflags, Flag.vm)) return { execution: 'virtual-8086', codeBits: 16, paging };
  return { execution: 'protected', codeBits, paging };
}
