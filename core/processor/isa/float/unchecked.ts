/** FSTPNCE, an encoding that no manual lists and every processor has: FSTP that takes an empty ST(0) for what it is. */
import { instruction } from '../instruction.ts';

export const FSTPNCE = instruction('fstpnce', {
  encodings: [['d9 /3', 'STi']],
  unit: 'x87',
  semantics(cpu, target) {
    cpu.call('x87StoreUnchecked', target!.number());
  },
});
