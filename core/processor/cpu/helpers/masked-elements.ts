/** VMASKMOV, VPMASKMOV and gathers (core/processor/isa/vector/masked-move.ts): elements that the mask leaves out are not looked at. */
import { GatherCode } from '../../isa/vector/operations.ts';
import { ymmHighDistance } from '../../state/layout.ts';
import { Access, Status } from '../../state/leave.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';

const words = 8;
const upper = ymmHighDistance >> 2;

/** Word of the state block with a word of a YMM register. */
const wordOf = (register: number, word: number): number => (register >> 2) + (word < 4 ? word : upper + word - 4);

/** Linear address of an element, in (cpu.low, cpu.high). */
function locate(cpu: CpuCore, low: number, high: number, bytes: number, access: number): void {
  const at = cpu.operand(cpu.state.argument(0), low, high, bytes, access);
  cpu.low = at.low;
  cpu.high = at.high;
}

function locateNth(cpu: CpuCore, plus: number, bytes: number, access: number): void {
  const { state } = cpu;
  const low = (state.argument(1) + plus) | 0;
  const carry = low >>> 0 < state.argument(1) >>> 0 ? 1 : 0;
  locate(cpu, low, (state.argumentHigh(1) + carry) | 0, bytes, access);
}

/** (segment, offset, mask, bytes of an element | of all << 8, target): all are read before the register is written. */
export const maskedLoad: HelperImplementation = cpu => {
  const { float, memory, state } = cpu;
  const bytes = state.argument(3) & 0xff;
  const size = state.argument(3) >> 8;
  float.lanes.fill(0);
  for (let n = 0; n * bytes < size; n++) {
    if (((state.argument(2) >>> n) & 1) === 0) continue;
    locateNth(cpu, n * bytes, bytes, Access.read);
    if (bytes === 4) float.lanes[n] = memory.read32(cpu.low, cpu.high, 0);
    else {
      float.lanes[n * 2] = memory.read64(cpu.low, cpu.high, 0);
      float.lanes[n * 2 + 1] = memory.upper;
    }
  }
  for (let word = 0; word < words; word++) state.i32[wordOf(state.argument(4), word)] = float.lanes[word];
  return Status.done;
};

/** (segment, offset, mask, bytes of an element | of all << 8, source): none is written where one cannot be. */
export const maskedElements: HelperImplementation = cpu => {
  const { memory, state } = cpu;
  const bytes = state.argument(3) & 0xff;
  const size = state.argument(3) >> 8;
  const chosen = state.argument(2);
  for (let n = 0; n * bytes < size; n++) {
    if (((chosen >>> n) & 1) === 0) continue;
    locateNth(cpu, n * bytes, bytes, Access.write);
    memory.probeWrite(cpu.low, cpu.high, bytes, 0);
  }
  for (let n = 0; n * bytes < size; n++) {
    if (((chosen >>> n) & 1) === 0) continue;
    locateNth(cpu, n * bytes, bytes, Access.write);
    const first = state.i32[wordOf(state.argument(4), (n * bytes) >> 2)];
    if (bytes === 4) memory.write32(cpu.low, cpu.high, 0, first);
    else memory.write64(cpu.low, cpu.high, 0, first, state.i32[wordOf(state.argument(4), n * 2 + 1)]);
  }
  return Status.done;
};

/**
 * (segment, base and displacement, GatherCode, target, index, mask). Elements come one by one, and what has come is done: its mask is cleared. So a fault in
 * the middle finds the rest still to be done, and the instruction goes on from there.
 */
export const gather: HelperImplementation = cpu => {
  const { memory, state } = cpu;
  const { i32 } = state;
  const code = state.argument(2);
  const { scale, element, index, count, address } = GatherCode.read(code);
  const [target, indices, mask] = [state.argument(3), state.argument(4), state.argument(5)];
  const elementWords = element >> 2;
  for (let n = 0; n < count; n++) {
    const last = wordOf(mask, n * elementWords + elementWords - 1);
    if (i32[last] < 0) {
      const indexLow = i32[wordOf(indices, n * (index >> 2))];
      const indexHigh = index === 8 ? i32[wordOf(indices, n * 2 + 1)] : indexLow >> 31;
      const scaledLow = indexLow << scale;
      const scaledHigh = scale === 0 ? indexHigh : (indexHigh << scale) | (indexLow >>> (32 - scale));
      const low = (state.argument(1) + scaledLow) | 0;
      const carry = low >>> 0 < scaledLow >>> 0 ? 1 : 0;
      const high = address === 64 ? (state.argumentHigh(1) + scaledHigh + carry) | 0 : 0;
      locate(cpu, low, high, element, Access.read);
      if (element === 4) i32[wordOf(target, n)] = memory.read32(cpu.low, cpu.high, 0);
      else {
        i32[wordOf(target, n * 2)] = memory.read64(cpu.low, cpu.high, 0);
        i32[wordOf(target, n * 2 + 1)] = memory.upper;
      }
    }
    for (let word = 0; word < elementWords; word++) i32[wordOf(mask, n * elementWords + word)] = 0;
  }
  for (let word = 0; word < words; word++) {
    i32[wordOf(mask, word)] = 0;
    if (word >= count * elementWords) i32[wordOf(target, word)] = 0;
  }
  return Status.done;
};
