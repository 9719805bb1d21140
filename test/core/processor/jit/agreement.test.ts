/**
 * Random loops of recorded instruction sequences: compiled code, entered and left at every kind of place by small budgets, against the
 * interpreter one instruction at a time.
 */
import test from 'ava';
import { SeededEntropy } from '../../../../core/board/host/entropy.ts';
import { gprOffset, state } from '../../../../core/processor/state/layout.ts';
import { Leave } from '../../../../core/processor/state/leave.ts';
import { readCases, recordings } from '../../../oracle/cases.ts';
import { codeBase } from '../../../oracle/machine.ts';
import { UserHost } from '../../../support/user-host.ts';
import type { Task } from '../../../support/user-machine.ts';

const random = (seed: number) => {
  const entropy = new SeededEntropy(seed);
  const bytes = new Uint8Array(4);
  return (below: number): number => {
    entropy.fill(bytes);
    return new DataView(bytes.buffer).getUint32(0, true) % below;
  };
};

/** Cases that run through: code that can stand before other code. */
const pieces = [...readCases(recordings[0].path)].filter(
  item =>
    item.mode === 64 && !item.fault && item.after.rip === BigInt(codeBase + item.bytes.length) && item.bytes.length > 0,
);

const concatenate = (parts: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

/** Pieces with a short jump over some of them now and then, and at the end a jump back. */
function program(pick: (below: number) => number): Task {
  const chosen = Array.from({ length: 4 + pick(12) }, () => pieces[pick(pieces.length)]);
  const parts = chosen.flatMap(({ bytes }) =>
    pick(3) === 0 ? [Uint8Array.of(0x70 + pick(16), bytes.length), bytes] : [bytes],
  );
  const body = concatenate(parts);
  const back = new DataView(new ArrayBuffer(4));
  back.setInt32(0, -(body.length + 5), true);
  const bytes = concatenate([body, Uint8Array.of(0xe9), new Uint8Array(back.buffer)]);
  return { ...chosen[0], bytes, memory: chosen.flatMap(({ memory }) => memory) };
}

const snapshot = (host: UserHost) => ({
  registers: Array.from({ length: 16 }, (_, index) => host.get64(gprOffset(index)).toString(16)),
  flags: host.flags.toString(16),
  rip: host.get64(state.rip.offset).toString(16),
  memory: host.bytes
    .subarray(host.ram, host.ram + 0x4000)
    .reduce((sum, byte, index) => (sum * 31 + byte * (index + 1)) | 0, 0),
});

test('compiled loops agree with single steps', t => {
  const stepped = new UserHost();
  const compiled = new UserHost({ jit: true, shortest: 0 });
  let runs = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const pick = random(seed);
    const task = program(pick);
    if (task.bytes.length > 4000) continue;
    stepped.loadTask(task);
    compiled.loadTask(task);
    compiled.compile();
    for (let round = 0; round < 25; round++) {
      const budget = 1 + pick(40);
      const leave = compiled.runOn(budget);
      const left = compiled.get32(state.budget.offset);
      let steps = 0;
      let last: number = Leave.budget;
      while (steps < budget && last === Leave.budget) {
        last = stepped.runOn(1);
        if (last === Leave.budget) steps++;
      }
      t.is(leave, last, `seed ${seed}, round ${round}`);
      t.is(budget - left, steps, `seed ${seed}, round ${round}`);
      t.deepEqual(snapshot(compiled), snapshot(stepped), `seed ${seed}, round ${round}`);
      runs++;
      if (leave !== Leave.budget) break;
    }
  }
  t.true(runs > 300);
});
