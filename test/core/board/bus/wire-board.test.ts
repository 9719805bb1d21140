import test from 'ava';
import { InputPin } from '../../../../core/board/bus/interrupt-line.ts';
import { WireBoard } from '../../../../core/board/bus/wire-board.ts';

function board() {
  const wires = new WireBoard();
  const log: string[] = [];
  const pin = (name: string) => (index: number) =>
    new InputPin(`${name}@${index}`, high => log.push(`${name}@${index} ${high ? 'up' : 'down'}`));
  return { wires, log, pin };
}

test('sources may come before the controller', t => {
  const { wires, log, pin } = board();
  wires.line('pic@3').assert();
  wires.line('pic@4');
  t.deepEqual(wires.dangling, ['pic@3', 'pic@4']);
  wires.provide('pic', 8, pin('pic'));
  t.deepEqual(wires.dangling, []);
  t.deepEqual(log, ['pic@3 up']);
});

test('a pin that the controller does not have dangles', t => {
  const { wires, pin } = board();
  wires.provide('pic', 8, pin('pic'));
  wires.line('pic@8');
  wires.line('nobody@0');
  t.deepEqual(wires.dangling, ['pic@8', 'nobody@0']);
});

test('sources of one pin are ORed, and levels are told once', t => {
  const { wires, log, pin } = board();
  wires.provide('pic', 8, pin('pic'));
  const [one, other] = [wires.line('pic@5'), wires.line('pic@5')];
  one.assert();
  one.assert();
  other.assert();
  one.deassert();
  other.deassert();
  other.deassert();
  t.deepEqual(log, ['pic@5 up', 'pic@5 down']);
});

test('quietly, only relays hear; afterwards levels are right', t => {
  const { wires, log, pin } = board();
  wires.provide('pic', 8, pin('pic'));
  wires.relay('isa', 8, index => {
    const behind = wires.line(`pic@${index}`);
    return new InputPin(`isa@${index}`, high => (high ? behind.assert() : behind.deassert()));
  });
  const line = wires.line('isa@1');
  wires.quietly(() => line.assert());
  t.deepEqual(log, []);
  line.deassert();
  t.deepEqual(log, ['pic@1 down']);
});
