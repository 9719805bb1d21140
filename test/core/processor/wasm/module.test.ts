import test from 'ava';
import { FunctionBuilder, type ValueType } from '../../../../core/processor/wasm/function.ts';
import { ModuleBuilder } from '../../../../core/processor/wasm/module.ts';
import { opcodes } from '../../../../core/processor/wasm/opcodes.ts';
import { type SimdName, simdOpcodes } from '../../../../core/processor/wasm/simd-opcodes.ts';
import { support } from '../../../../core/processor/wasm/support.ts';

const host = (imports: Record<string, WebAssembly.ImportValue> = {}) => ({
  host: { memory: new WebAssembly.Memory({ initial: 1, maximum: 1 }), ...imports },
});

type Call = (...values: (number | bigint)[]) => number | bigint;

function instantiate(module: ModuleBuilder, imports = host()): Record<string, Call> {
  return new WebAssembly.Instance(new WebAssembly.Module(module.build()), imports).exports as Record<string, Call>;
}

test('parameters, locals, branches and a loop', t => {
  const f = new FunctionBuilder(['i32'], ['i32']);
  const sum = f.local('i32');
  const out = f.block();
  const again = f.loop();
  f.get(0).op('i32.eqz').brIf(out, 'unlikely');
  f.get(sum).get(0).op('i32.add').set(sum);
  f.get(0).i32(1).op('i32.sub').set(0).br(again);
  f.end().end();
  f.get(sum);
  const module = new ModuleBuilder();
  module.function(f, 'sum');
  t.is(instantiate(module).sum!(100), 5050);
});

test('a table of branches falls into the right case', t => {
  const f = new FunctionBuilder(['i32'], ['i32']);
  const other = f.block();
  const two = f.block();
  const one = f.block();
  const zero = f.block();
  f.get(0).brTable([zero, one, two], other);
  for (const value of [10, 11, 12]) {
    f.end();
    f.i32(value).op('return');
  }
  f.end();
  f.i32(-1);
  const module = new ModuleBuilder();
  module.function(f, 'choose');
  const { choose } = instantiate(module);
  t.deepEqual(
    [0, 1, 2, 3, -1].map(value => choose!(value)),
    [10, 11, 12, -1, -1],
  );
});

test('imports come first, calls find their functions, and shared functions are written once', t => {
  const module = new ModuleBuilder();
  let writes = 0;
  const double = () =>
    module.shared('double', () => {
      writes++;
      const f = new FunctionBuilder(['i32'], ['i32']);
      f.get(0).get(0).op('i32.add');
      return f;
    });
  const f = new FunctionBuilder(['i32'], ['i32']);
  f.get(0)
    .call(double())
    .call(double())
    .call(module.import('host', 'increment', ['i32'], ['i32']));
  module.function(f, 'run');
  const { run } = instantiate(module, host({ increment: (value: number) => value + 1 }));
  t.is(run!(5), 21);
  t.is(writes, 1);
});

test('elements fill the imported table', t => {
  const module = new ModuleBuilder();
  module.importTable();
  const f = new FunctionBuilder([], ['i64']);
  f.i64(-(1n << 63n));
  module.element(300, module.function(f));
  const functions = new WebAssembly.Table({ element: 'anyfunc', initial: 400 });
  instantiate(module, host({ functions }));
  t.is((functions.get(300) as Call)(), -(1n << 63n));
});

test('locals that are released are used again, others are not', t => {
  const f = new FunctionBuilder(['i32'], []);
  const [a, b] = [f.local('i64'), f.local('i32')];
  f.release(a);
  t.is(f.local('i64'), a);
  t.not(f.local('i64'), a);
  t.is(b, 2);
});

/** Every name validates with the operand types that the name tells: a wrong number would not. */
test('SIMD instructions have their numbers', t => {
  const lane: Record<string, ValueType> = {
    i8x16: 'i32',
    i16x8: 'i32',
    i32x4: 'i32',
    i64x2: 'i64',
    f32x4: 'f32',
    f64x2: 'f64',
  };
  const unary = /\.(abs|neg|popcnt|not|ceil|floor|trunc|nearest|sqrt|demote|promote|convert|trunc_sat|extend|extadd)/;
  for (const name of Object.keys(simdOpcodes) as SimdName[]) {
    const [shape, what] = name.split('.') as [string, string];
    const scalar = lane[shape];
    let parameters: ValueType[] = ['v128', 'v128'];
    let result: ValueType = 'v128';
    let bytes: number[] = [];
    if (what === 'shuffle') bytes = new Array(16).fill(0);
    else if (what === 'splat') parameters = [scalar];
    else if (what.startsWith('extract_lane')) [parameters, result, bytes] = [['v128'], scalar, [0]];
    else if (what.startsWith('replace_lane')) [parameters, bytes] = [['v128', scalar], [0]];
    else if (/^(any_true|all_true|bitmask)$/.test(what)) [parameters, result] = [['v128'], 'i32'];
    else if (/^sh[lr]/.test(what)) parameters = ['v128', 'i32'];
    else if (what === 'bitselect') parameters = ['v128', 'v128', 'v128'];
    else if (unary.test(`.${what}`)) parameters = ['v128'];
    const f = new FunctionBuilder(parameters, [result]);
    for (const index of parameters.keys()) f.get(index);
    f.simd(name);
    for (const byte of bytes) f.byte(byte);
    const module = new ModuleBuilder();
    module.function(f, 'f');
    t.true(WebAssembly.validate(module.build()), name);
  }
});

test('scalar instructions have their numbers', t => {
  t.is(opcodes['i64.extend32_s'], 0xc4);
  t.is(opcodes['f64.promote_f32'], 0xbb);
  t.is(opcodes['i64.rotr'], 0x8a);
  t.is(opcodes['i32.wrap_i64'], 0xa7);
});

test('upper halves of products, and divisions that never trap', t => {
  const module = new ModuleBuilder();
  for (const name of ['mulHighU', 'mulHighS', 'divU64', 'divS64', 'remU64', 'remS64']) {
    const f = new FunctionBuilder(['i64', 'i64'], ['i64']);
    f.get(0).get(1).call(support(module, name));
    module.function(f, name);
  }
  const run = instantiate(module);
  const interesting = [
    0n,
    1n,
    -1n,
    2n,
    -2n,
    1n << 63n,
    (1n << 63n) - 1n,
    0x1234_5678_9abc_def0n,
    -0x7edc_ba98_7654_3210n,
  ];
  const u = (value: bigint) => BigInt.asUintN(64, value);
  const s = (value: bigint) => BigInt.asIntN(64, value);
  for (const a of interesting)
    for (const b of interesting) {
      t.is(run.mulHighU!(a, b), s((u(a) * u(b)) >> 64n));
      t.is(run.mulHighS!(a, b), s((s(a) * s(b)) >> 64n));
      t.is(run.divU64!(a, b), b === 0n ? 0n : s(u(a) / u(b)));
      t.is(run.remU64!(a, b), b === 0n ? 0n : s(u(a) % u(b)));
      t.is(run.divS64!(a, b), b === 0n ? 0n : s(s(a) / s(b)));
      t.is(run.remS64!(a, b), b === 0n ? 0n : s(s(a) % s(b)));
    }
});
