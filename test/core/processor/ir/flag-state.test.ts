import test from 'ava';
import fc from 'fast-check';
import { composeFlags, readFlag } from '../../../../core/processor/ir/flag-state.ts';
import { type FlagName, flagNames } from '../../../../core/processor/ir/value.ts';

const someFlags = fc.record<Partial<Record<FlagName, bigint>>>(
  Object.fromEntries(flagNames.map(name => [name, fc.constantFrom(0n, 1n)])),
  { requiredKeys: [] },
);
const state = fc.record({
  result: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  bits: fc.constantFrom(0n, 0x895n, 4n, 0x80n),
});

test('any combination of flags can be kept', t => {
  fc.assert(
    fc.property(state, someFlags, (before, single) => {
      const after = composeFlags(before, undefined, single);
      for (const name of flagNames)
        t.is(
          readFlag(name, after.result, after.bits),
          single[name] ?? readFlag(name, before.result, before.bits),
          name,
        );
    }),
  );
});

test('a result of eight bits', t => {
  const { result, bits } = composeFlags({ result: 1n, bits: 0x84n }, { value: 0x83n, width: 8 }, {});
  t.deepEqual(
    ['zf', 'sf', 'pf'].map(name => readFlag(name as FlagName, result, bits)),
    [0n, 1n, 0n],
  );
});
