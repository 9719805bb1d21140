import test from 'ava';
import { summarize } from '../../bench/statistics.ts';

test('least and median of an odd number', t => {
  t.deepEqual(summarize([3, 1, 10]), { least: 1, median: 3 });
});

test('the median of an even number lies between the middle two', t => {
  t.deepEqual(summarize([4, 1, 10, 2]), { least: 1, median: 3 });
});
