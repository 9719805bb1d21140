import type { Board } from '#core';
import { IoApic, IsaInterrupts, Pic } from '#devices';
import { TestBoard } from '../../devices/support.ts';

/** A board with the interrupt controllers that default wires lead to. */
export function isaBoard(): Board {
  const bench = new TestBoard();
  bench.add('pic', Pic, {});
  bench.add('ioapic', IoApic, {});
  bench.add('isa', IsaInterrupts, {});
  return bench.board;
}
