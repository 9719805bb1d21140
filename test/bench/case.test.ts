import test from 'ava';
import { takeTurns } from '../../bench/case.ts';

const contender = (name: string) => ({ name, command: () => ({ program: name, arguments: [] }) });
const quiet = () => {};

test('contenders take turns', async t => {
  const order: string[] = [];
  const results = await takeTurns(
    [contender('a'), contender('b')],
    2,
    async ({ name }) => {
      order.push(name);
      return { seconds: order.length, peakMemory: 10 * order.length };
    },
    quiet,
  );
  t.deepEqual(order, ['a', 'b', 'a', 'b']);
  t.deepEqual(results, {
    a: { least: 1, median: 2, samples: [1, 3], peakMemory: 30 },
    b: { least: 2, median: 3, samples: [2, 4], peakMemory: 40 },
  });
});

test('one that fails drops out, and the order of the results stays', async t => {
  const order: string[] = [];
  const results = await takeTurns(
    [contender('a'), contender('b')],
    2,
    async ({ name }) => {
      order.push(name);
      if (name === 'a') throw new Error('broken');
      return { seconds: 1, peakMemory: 0 };
    },
    quiet,
  );
  t.deepEqual(order, ['a', 'b', 'b']);
  t.deepEqual(Object.keys(results), ['a', 'b']);
  t.deepEqual(results.a, { failure: 'broken' });
});
