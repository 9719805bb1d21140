/** MASKMOVQ, MASKMOVDQU (SDM vol. 2): the bytes that the mask leaves out are neither read nor written. */

import { Access, Status } from '../../state/leave.ts';
import type { HelperImplementation } from '../core.ts';

export const maskedStore: HelperImplementation = cpu => {
  const { memory, state } = cpu;
  const mask = state.argument(4);
  const size = state.argument(5);
  const offset = state.argument(1);
  const offsetHigh = state.argumentHigh(1);
  if (cpu.is64) {
    // Its last byte has to be canonical, too.
    const last = (offset + size - 1) | 0;
    cpu.operand(
      state.argument(0),
      last,
      last >>> 0 < offset >>> 0 ? (offsetHigh + 1) | 0 : offsetHigh,
      1,
      Access.write,
    );
  }
  const { low, high } = cpu.operand(state.argument(0), offset, offsetHigh, size, Access.write);
  // The whole operand has to be writable, whatever the mask.
  memory.probeWrite(low, high, size, 0);
  for (let byte = 0; byte < size; byte++) {
    if (((mask >>> byte) & 1) === 0) continue;
    const half = byte < 8 ? 2 : 3;
    const word = (byte & 4) === 0 ? state.argument(half) : state.argumentHigh(half);
    const at = (low + byte) | 0;
    const carried = at >>> 0 < low >>> 0 && cpu.is64 ? (high + 1) | 0 : high;
    memory.write8(at, carried, 0, (word >>> ((byte & 3) * 8)) & 0xff);
  }
  return Status.done;
};
