/** FMA, lane by lane (core/processor/isa/vector/fused.ts). */
import { Format, FusedSigns, fusedOrders } from '../../isa/vector/operations.ts';
import { state as layout } from '../../state/layout.ts';
import { Status } from '../../state/leave.ts';
import type { CpuCore } from '../core.ts';
import { begin, settle } from './sse-exceptions.ts';
import { formatOf, isWide, operationOf, vectorArguments, writeVector } from './vector-result.ts';

const slot = (n: number): number => (layout.argument0.offset + n * 8) >> 2;
/** Words of the three operands, by half. */
const low = [slot(0), slot(2), slot(6)] as const;
const high = [slot(8), slot(10), slot(12)] as const;

/** 1 where the sign of the product, or of the addend, is turned in a lane. */
const turnsProduct = (signs: number): number =>
  signs === FusedSigns.negateAdd || signs === FusedSigns.negateSubtract ? 1 : 0;
function turnsAddend(signs: number, lane: number): number {
  switch (signs) {
    case FusedSigns.subtract:
    case FusedSigns.negateSubtract:
      return 1;
    case FusedSigns.addSubtract:
      return lane & 1 ? 0 : 1;
    case FusedSigns.subtractAdd:
      return lane & 1;
    default:
      return 0;
  }
}

/** Returns what was raised. */
function compute({ float, state }: CpuCore, code: number, operands: readonly number[], to: number): number {
  const { i32 } = state;
  const format = formatOf(code);
  const signs = operationOf(code) & 7;
  const order = fusedOrders[operationOf(code) >> 3];
  const [left, right, addend] = [operands[order[0]], operands[order[1]], operands[order[2]]];
  const isSingle = format === Format.ps || format === Format.ss;
  const count = format === Format.ps ? 4 : format === Format.pd ? 2 : 1;
  let raised = 0;
  for (let lane = 0; lane < count; lane++) {
    const turnProduct = turnsProduct(signs);
    const turnAddend = turnsAddend(signs, lane);
    if (isSingle) {
      const [a, b, c] = [i32[left + lane], i32[right + lane], i32[addend + lane]];
      float.lanes[to + lane] = float.single.fused(a, b, c, turnProduct, turnAddend);
    } else {
      const at = lane * 2;
      float.double.loadAddend(i32[addend + at], i32[addend + at + 1]);
      const [a, b] = [left + at, right + at];
      float.double.fused(i32[a], i32[a + 1], i32[b], i32[b + 1], turnProduct, turnAddend);
      float.lanes[to + at] = float.lo;
      float.lanes[to + at + 1] = float.hi;
    }
    raised |= float.raised;
  }
  return raised;
}

export function fusedArithmetic(cpu: CpuCore): Status {
  const code = cpu.state.i32[vectorArguments.code];
  const format = formatOf(code);
  begin(cpu);
  let raised = compute(cpu, code, low, 0);
  if (isWide(code)) raised |= compute(cpu, code, high, 4);
  settle(cpu, raised);
  writeVector(cpu, code, format === Format.ss ? 1 : format === Format.sd ? 2 : 4);
  return Status.done;
}
