/**
 * Plain numbers, computed in line, against the helpers, which know everything: the recorded cases once more, with programs that always call
 * their helper. All of the unit's state is compared, with the pointers that recordings leave out.
 */
import test from 'ava';
import { state, x87Offset } from '../../../../../core/processor/state/layout.ts';
import type { StateBlock } from '../../../../../core/processor/state/state-block.ts';
import type { Case } from '../../../../oracle/case.ts';
import { readCases, recordings } from '../../../../oracle/cases.ts';
import { evaluator, helping } from '../../../../support/evaluator.ts';
import { UserHost } from '../../../../support/user-host.ts';
import { UserMachine } from '../../../../support/user-machine.ts';

let calls = 0;
class CountingMachine extends UserMachine {
  override call(...[helper, inputs]: Parameters<UserMachine['call']>): ReturnType<UserMachine['call']> {
    calls++;
    return super.call(helper, inputs);
  }
}

/** The unit, with its pointers. The opcode is recorded with an exception that is pending, always by a helper. */
const unitOf = (block: StateBlock): string =>
  Buffer.from(block.u8.slice(x87Offset(0), state.mxcsr.offset)).toString('hex');

type Outcome = Pick<Case, 'after' | 'memoryAfter' | 'fault'>;

const registers = ({ after: { gpr, rip, rflags } }: Outcome, block: StateBlock) => ({
  unit: unitOf(block),
  gpr: [...gpr],
  rip,
  rflags,
});
const memory = ({ memoryAfter }: Outcome): string[] =>
  memoryAfter.map(({ address, bytes }) => `${address} ${Buffer.from(bytes).toString('hex')}`);

function perform(item: Case, engine: typeof evaluator): UserMachine {
  const machine = new CountingMachine(item);
  engine.on(machine);
  return machine;
}

const single = (name: string): Case[] => {
  const { path } = recordings.find(recording => recording.name === name)!;
  return [...readCases(path)].filter(item => !item.text.includes(';') && !item.fault);
};

for (const { name, share } of [
  // How many of the cases are to be plain, at least.
  { name: 'extended', share: 0.6 },
  { name: 'float', share: 0.35 },
])
  test(`${name}: plain numbers come out as the helpers have them`, t => {
    const cases = single(name).filter((_, n) => n % 3 === 0);
    let helpless = 0;
    const generated = [new UserHost(), new UserHost({ jit: true, shortest: 0 })];
    for (const item of cases) {
      const expected = perform(item, helping);
      calls = 0;
      const found = perform(item, evaluator);
      if (calls === 0) helpless++;
      const outcome = expected.outcome(undefined);
      const wanted = registers(outcome, expected.block);
      t.deepEqual(registers(found.outcome(undefined), found.block), wanted, item.text);
      t.deepEqual(memory(found.outcome(undefined)), memory(outcome), item.text);
      for (const host of generated) t.deepEqual(registers(host.runTask(item), host.block), wanted, item.text);
    }
    t.true(helpless > cases.length * share, `${helpless} of ${cases.length} without a helper`);
  });
