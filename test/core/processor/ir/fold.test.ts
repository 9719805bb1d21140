import test from 'ava';
import fc from 'fast-check';
import type { Program } from '../../../../core/processor/ir/effect.ts';
import { Folder } from '../../../../core/processor/ir/fold.ts';
import { compute } from '../../../../core/processor/ir/operations.ts';
import { constant, no, Value, yes } from '../../../../core/processor/ir/value.ts';

const x = new Value('state', 32, [], 0);
const y = new Value('state', 32, [], 8);
const folded = (value: Value): Value => new Folder().value(value);

test('constants are computed', t => {
  t.deepEqual(folded(constant(32, 0xffff_ffff).add(2)), constant(32, 1));
  t.deepEqual(folded(constant(8, 0x80).signExtend(16)), constant(16, 0xff80));
});

test('what does not change stays the same object', t => {
  const sum = x.add(y);
  t.is(folded(sum), sum);
});

test('neutral elements vanish', t => {
  t.is(folded(x.add(0)), x);
  t.is(folded(x.and(-1)), x);
  t.is(folded(x.shl(0)), x);
  t.deepEqual(folded(x.sub(x)), constant(32, 0));
  t.is(folded(x.zeroExtend(64).truncate(32)), x);
  t.is(folded(yes.select(x, y)), x);
});

test('negated comparisons turn round', t => {
  t.is(folded(x.eq(y).xor(yes)).operation, 'ne');
  const greater = folded(x.ltU(y).xor(yes));
  t.deepEqual([greater.operation, greater.inputs], ['leU', [y, x]]);
});

test('effects that cannot happen are dropped, and what follows an end', t => {
  const program: Program = {
    effects: [
      { kind: 'raise', vector: 0, error: -1, when: no },
      { kind: 'flags', flags: { result: x }, when: x.eq(x) },
      { kind: 'finish', when: constant(32, 1).eq(1) },
      { kind: 'jump', target: constant(64, 0) },
    ],
  };
  t.deepEqual(
    new Folder().program(program).effects.map(({ kind }) => kind),
    ['flags', 'finish'],
  );
});

/** The value with constants in place of its leaves. */
const withConstants = (value: Value, known: ReadonlyMap<Value, bigint>): Value => {
  const held = known.get(value);
  if (held !== undefined) return constant(value.width, held);
  const inputs = value.inputs.map(input => withConstants(input, known));
  return new Value(value.operation, value.width, inputs, value.detail);
};

/** Random expressions over two leaves and constants, all of 32 bits. */
const expression: fc.Arbitrary<Value> = fc.letrec<{ value: Value; binary: Value; unary: Value; choice: Value }>(
  tie => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(x, y),
      fc.constantFrom(0, 1, -1, 0x8000_0000, 0x7f).map(number => constant(32, number)),
      tie('binary'),
      tie('unary'),
      tie('choice'),
    ),
    binary: fc
      .tuple(fc.constantFrom('add', 'sub', 'mul', 'and', 'or', 'xor', 'divU', 'remS'), tie('value'), tie('value'))
      .map(([operation, left, right]) => new Value(operation as 'add', 32, [left, right])),
    unary: fc
      .tuple(fc.constantFrom('narrow', 'sign', 'shift', 'neg', 'not', 'wide'), tie('value'))
      .map(([kind, value]) => {
        switch (kind) {
          case 'narrow':
            return value.truncate(8).zeroExtend(32);
          case 'sign':
            return value.truncate(16).signExtend(64).truncate(32);
          case 'wide':
            return value.zeroExtend(64).shl(3).truncate(16).signExtend(32);
          case 'shift':
            return value.shl(0).shr(value.and(31));
          default:
            return kind === 'neg' ? value.neg() : value.not();
        }
      }),
    choice: fc
      .tuple(fc.constantFrom('eq', 'ltS', 'ltU', 'leU', 'ne'), tie('value'), tie('value'), fc.boolean())
      .map(([operation, left, right, negated]) => {
        const compared = new Value(operation as 'eq', 1, [left, right]);
        return (negated ? compared.xor(yes) : compared.eq(1)).select(left, right);
      }),
  }),
).value;

const evaluate = (value: Value, known: ReadonlyMap<Value, bigint>): bigint => {
  if (value.operation === 'constant') return value.detail as bigint;
  const leaf = known.get(value);
  if (leaf !== undefined) return leaf;
  return compute(
    value,
    value.inputs.map(input => evaluate(input, known)),
  );
};

const word = fc.bigInt({ min: 0n, max: 0xffff_ffffn });

test('folding changes no result', t => {
  fc.assert(
    fc.property(expression, word, word, (value, left, right) => {
      const known = new Map([
        [x, left],
        [y, right],
      ]);
      t.is(evaluate(folded(value), known), evaluate(value, known));
      t.is(evaluate(folded(withConstants(value, known)), new Map()), evaluate(value, known));
    }),
    { numRuns: 300 },
  );
});
