/** SIMD floating-point exceptions (SDM vol. 1, section 11.5; vol. 3, section 6.15, interrupt 19). */
import { state as layout } from '../../state/layout.ts';
import { Cr4, Vector } from '../../state/registers.ts';
import type { CpuCore } from '../core.ts';

const mxcsrWord = layout.mxcsr.offset >> 2;
/** Invalid, denormal, divide by zero: found in all lanes before any lane is computed. */
const beforeComputation = 0x07;

export function begin(cpu: CpuCore): void {
  cpu.float.useMxcsr(cpu.state.i32[mxcsrWord]);
}

/** What all lanes together raised becomes sticky; unmasked, it ends the instruction before its target is written. */
export function settle(cpu: CpuCore, raised: number): void {
  if (raised === 0) return;
  const { i32 } = cpu.state;
  const unmasked = ~cpu.float.masks;
  const early = raised & beforeComputation;
  const shown = (early & unmasked) !== 0 ? early : raised;
  i32[mxcsrWord] |= shown;
  if ((shown & unmasked) === 0) return;
  cpu.raise((cpu.state.cr4 & Cr4.osxmmexcpt) !== 0 ? Vector.xm : Vector.ud);
}
