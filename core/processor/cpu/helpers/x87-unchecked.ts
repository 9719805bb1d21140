/** FSTPNCE: an empty ST(0) is popped without an exception, and nothing is stored (seen on an Intel Xeon). */

import { Status } from '../../state/leave.ts';
import type { CpuCore } from '../core.ts';
import { begin, isEmpty, load, pop, store } from './x87-stack.ts';

export function x87StoreUnchecked(cpu: CpuCore): Status {
  begin(cpu);
  if (!isEmpty(cpu, 0)) store(cpu, cpu.state.argument(0), load(cpu, cpu.float.first, 0));
  pop(cpu);
  return Status.done;
}
