import { InterruptControllers, InterruptMessages, Wires } from '#core';
import { IoApic, IsaInterrupts, LocalApic, Pic } from '#devices';
import { TestBoard } from '../../devices/support.ts';

const bench = new TestBoard();
bench.add('lapic', LocalApic, {});
bench.add('ioapic', IoApic, {});
bench.add('pic', Pic, {});
bench.add('isa', IsaInterrupts, {});

const { scope } = bench.board;
export const wires = scope.get(Wires);
export const controllers = scope.get(InterruptControllers);
export const messages = scope.get(InterruptMessages);
