/** Generated code against the evaluator's plain meanings (core/processor/ir/operations.ts), on random values of every width. */
import test from 'ava';
import fc from 'fast-check';
import { compute } from '../../../../core/processor/ir/operations.ts';
import { constant, type Operation, Value, type Width } from '../../../../core/processor/ir/value.ts';
import { carrier } from '../../../../core/processor/wasm/carrier.ts';
import { FunctionBuilder } from '../../../../core/processor/wasm/function.ts';
import { ModuleBuilder } from '../../../../core/processor/wasm/module.ts';
import type { Target } from '../../../../core/processor/wasm/target.ts';
import { ValueWriter } from '../../../../core/processor/wasm/values.ts';

/** Values in parameters: `register` leaf n is parameter n. */
function run(value: Value, inputs: readonly bigint[], widths: readonly Width[]): bigint {
  const module = new ModuleBuilder();
  const f = new FunctionBuilder(
    widths.map(width => carrier(width)),
    [carrier(value.width)],
  );
  const target = { f, module, pushRegister: (operand: number) => f.get(operand) } as unknown as Target;
  const writer = new ValueWriter(target);
  writer.count(value);
  writer.push(value);
  module.function(f, 'value');
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { host: { memory } });
  const call = exports.value as (...values: (number | bigint)[]) => number | bigint;
  const given = inputs.map((input, index) => (widths[index] === 64 ? input : Number(input)));
  return BigInt.asUintN(value.width === 64 ? 64 : 32, BigInt(call(...given)));
}

const leaf = (index: number, width: Width) => new Value('register', width, [], index);

const evaluate = (value: Value, inputs: readonly bigint[]): bigint => {
  if (value.operation === 'register') return inputs[value.detail as number];
  if (value.operation === 'constant') return value.detail as bigint;
  return compute(
    value,
    value.inputs.map(input => evaluate(input, inputs)),
  );
};

const widths: readonly Width[] = [8, 16, 32, 64];
const bits = (width: number) =>
  fc.oneof(
    fc.bigInt(0n, (1n << BigInt(width)) - 1n),
    fc.constantFrom(0n, 1n, (1n << BigInt(width)) - 1n, 1n << BigInt(width - 1), (1n << BigInt(width - 1)) - 1n),
  );

const agrees = (
  t: { is(a: bigint, b: bigint, message?: string): boolean },
  value: Value,
  inputs: readonly bigint[],
  of: readonly Width[],
) => t.is(run(value, inputs, of), evaluate(value, inputs), `${value.operation} ${value.width} of ${inputs}`);

const binary: readonly Operation[] = ['add', 'sub', 'mul', 'and', 'or', 'xor', 'divU', 'divS', 'remU', 'remS'];
const comparisons: readonly Operation[] = ['eq', 'ne', 'ltU', 'ltS', 'leU', 'leS'];
const shifts: readonly Operation[] = ['shl', 'shr', 'sar', 'rotl', 'rotr'];
const unary: readonly Operation[] = ['not', 'neg', 'clz', 'ctz', 'popcnt'];

for (const width of widths)
  test(`operations on ${width} bits`, t => {
    fc.assert(
      fc.property(bits(width), bits(width), (a, b) => {
        const [x, y] = [leaf(0, width), leaf(1, width)];
        const pair = [width, width] as const;
        for (const operation of binary) agrees(t, new Value(operation, width, [x, y]), [a, b], pair);
        for (const operation of comparisons) agrees(t, new Value(operation, 1, [x, y]), [a, b], pair);
        for (const operation of unary) agrees(t, new Value(operation, width, [x]), [a], [width]);
        const count = b % BigInt(width);
        for (const operation of shifts) agrees(t, new Value(operation, width, [x, y]), [a, count], pair);
        for (const wide of widths.filter(other => other > width)) {
          agrees(t, x.zeroExtend(wide), [a], [width]);
          agrees(t, x.signExtend(wide), [a], [width]);
        }
        for (const narrow of [1, ...widths.filter(other => other < width)] as Width[])
          agrees(t, x.truncate(narrow), [a], [width]);
        return true;
      }),
      { numRuns: 12 },
    );
  });

test('upper halves of products', t => {
  fc.assert(
    fc.property(bits(64), bits(64), (a, b) => {
      for (const operation of ['mulHighU', 'mulHighS'] as const)
        agrees(t, new Value(operation, 64, [leaf(0, 64), leaf(1, 64)]), [a, b], [64, 64]);
    }),
    { numRuns: 30 },
  );
});

/** Garbage above a narrow value must not come through, whatever is built on it, nor by a kept copy. */
test('trees of narrow values that are used more than once', t => {
  const tree = fc.letrec<{ value: Value }>(tie => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(leaf(0, 8), leaf(1, 8), constant(8, 0x80), constant(8, 3)),
      fc
        .tuple(fc.constantFrom<Operation>('add', 'sub', 'mul', 'and', 'or', 'xor'), tie('value'), tie('value'))
        .map(([operation, a, b]) => new Value(operation, 8, [a, b])),
      fc
        .tuple(fc.constantFrom<Operation>('shl', 'shr', 'sar', 'rotl', 'rotr'), tie('value'))
        .map(([operation, a]) => new Value(operation, 8, [a, constant(8, 3)])),
      fc
        .tuple(fc.constantFrom<Operation>('not', 'neg'), tie('value'))
        .map(([operation, a]) => new Value(operation, 8, [a])),
      fc.tuple(tie('value'), tie('value')).map(([a, b]) => a.ltS(b).select(a.add(b), b.sub(a))),
      fc.tuple(tie('value'), tie('value')).map(([a, b]) => a.ltU(b).branch(a.xor(b), b.add(a))),
      tie('value').map(a => a.add(a).xor(a.shr(1))),
    ),
  })).value;
  fc.assert(
    fc.property(tree, bits(8), bits(8), (value, a, b) => {
      agrees(t, value, [a, b], [8, 8]);
      agrees(t, value.zeroExtend(64), [a, b], [8, 8]);
      agrees(t, value.eq(constant(8, 5)), [a, b], [8, 8]);
      agrees(t, value.add(value).and(value), [a, b], [8, 8]);
    }),
    { numRuns: 150 },
  );
});
