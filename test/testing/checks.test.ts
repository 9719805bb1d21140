/** The checks of the kit: what they let pass, what they refuse, and in which words. */
import test from 'ava';
import { CheckError } from 'virt64/testing';
import { newCase } from '../kit/checks/case.ts';
import { Checks } from '../kit/checks/checks.ts';

const checks = new Checks();

const good: Readonly<Record<string, () => unknown>> = {
  'the same number': () => checks.is(1, 1),
  'NaN is NaN': () => checks.is(Number.NaN, Number.NaN),
  'fields in another order': () => checks.deepEqual({ a: 1, b: [2n] }, { b: [2n], a: 1 }),
  bytes: () => checks.deepEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2)),
  maps: () => checks.deepEqual(new Map([[1, { a: 1 }]]), new Map([[1, { a: 1 }]])),
  'a part of it': () => checks.like({ a: 1, b: 2 }, { a: 1 }),
  'an error with its code': () =>
    checks.throws(
      () => {
        throw Object.assign(new TypeError('bad'), { code: 'x' });
      },
      { instanceOf: TypeError, code: 'x', message: /^b/ },
    ),
  'nothing thrown': () => checks.notThrows(() => 1),
};

for (const [title, check] of Object.entries(good)) test(`passes: ${title}`, t => void t.notThrows(check));

const throwing = (): never => {
  throw Object.assign(new Error('bad'), { code: 'x' });
};

const bad: Readonly<Record<string, readonly [check: () => unknown, message: string]>> = {
  'another number': [() => checks.is(16, 17, 'the count'), 'the count: 16 (0x10) is not 17 (0x11)'],
  'another bigint': [() => checks.is(-16n, 0n), '-16n (-0x10) is not 0n'],
  'a number and a bigint': [() => checks.is<unknown>(1, 1n), '1 is not 1n'],
  zeros: [() => checks.is(0, -0), '0 is not 0'],
  'not true': [() => checks.true(false, '3 of 4'), '3 of 4: false is not true'],
  'another element': [() => checks.deepEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }), 'at a[1].b: 2 is not 3'],
  'too few': [() => checks.deepEqual([1], [1, 2]), '1 elements, expected 2: [1] is not [1, 2]'],
  'a field too few': [() => checks.deepEqual<object>({}, { a: 'x' }), 'a is missing, expected "x"'],
  'a field too many': [
    () => checks.deepEqual<object>({ a: undefined }, {}),
    'a is there, undefined, and should not be',
  ],
  'other bytes': [() => checks.deepEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), 'at [1]: 2 is not 3'],
  'bytes of another kind': [() => checks.deepEqual<unknown>(Uint8Array.of(1), [1]), '[1] is not [1]'],
  'other errors': [() => checks.deepEqual(new Error('a'), new Error('b')), 'Error: a is not Error: b'],
  'another part': [() => checks.like({ a: 1, b: 2 }, { a: 2 }), 'at a: 1 is not 2'],
  'nothing thrown': [() => checks.throws(() => 1), 'it should throw an error, and threw undefined'],
  'another code': [() => checks.throws(throwing, { code: 'y' }), 'bad: "x" is not "y"'],
  'another class': [() => checks.throws(throwing, { instanceOf: TypeError }), 'Error: bad is no TypeError'],
  'another message': [() => checks.throws(throwing, { message: /good/ }), '"bad" does not match /good/'],
  'something thrown': [() => checks.notThrows(throwing, 'the run'), 'the run: it threw Error: bad'],
};

for (const [title, [check, message]] of Object.entries(bad))
  test(`fails: ${title}`, t => void t.throws(check, { instanceOf: CheckError, message }));

test('a failed check carries both values', t => {
  const error = t.throws(() => checks.deepEqual({ a: 1 }, { a: 2 }), { instanceOf: CheckError });
  t.deepEqual([error?.actual, error?.expected], [{ a: 1 }, { a: 2 }]);
});

test('a case tells a runner that wants to hear of it that it has passed', t => {
  let passes = 0;
  const runner = { pass: () => passes++ };
  newCase('good', each => each.is(1, 1)).run(runner);
  t.is(passes, 1);
  t.throws(() => newCase('bad', each => each.is(1, 2)).run(runner), { instanceOf: CheckError });
  t.is(passes, 1);
  for (const other of [undefined, {}, { pass: 1 }]) newCase('good', each => each.is(1, 1)).run(other);
});

test('a case that checks nothing fails', t => {
  t.throws(() => newCase('empty', () => {}).run(), { instanceOf: CheckError, message: 'the case has checked nothing' });
});
