/** Routines: as the evaluator runs them and as modules of their own. */
import test from 'ava';
import fc from 'fast-check';
import { evaluateRoutine } from '../../../../core/processor/evaluator/evaluate-routine.ts';
import { Routine } from '../../../../core/processor/ir/routine.ts';
import { constant } from '../../../../core/processor/ir/value.ts';
import { FunctionBuilder } from '../../../../core/processor/wasm/function.ts';
import { ModuleBuilder } from '../../../../core/processor/wasm/module.ts';
import { routineModule } from '../../../../core/processor/wasm/routine.ts';

const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
const instantiate = (module: ModuleBuilder, routines = {}): WebAssembly.Exports =>
  new WebAssembly.Instance(new WebAssembly.Module(module.build()), { host: { memory, ...routines } }).exports;

const mixed = new Routine('mixed', [64, 32], 64, (a, b) => {
  const wide = b!.zeroExtend(64);
  return a!.ltU(wide.mul(wide)).branch(a!.add(wide), a!.mulHighU(wide.or(constant(64, 1n << 40n))));
});

test('generated code and the evaluator agree', t => {
  const { routine } = instantiate(routineModule(mixed)) as { routine: (a: bigint, b: number) => bigint };
  fc.assert(
    fc.property(fc.bigInt(0n, (1n << 64n) - 1n), fc.bigInt(0n, 0xffff_ffffn), (a, b) => {
      const shifted = a >> (b & 63n);
      t.is(BigInt.asUintN(64, routine(shifted, Number(b))), evaluateRoutine(mixed, [shifted, b]));
    }),
  );
});

test('who uses a routine imports it by its name, once', t => {
  const { routine } = instantiate(routineModule(mixed));
  const module = new ModuleBuilder();
  const f = new FunctionBuilder([], ['i64']);
  f.i64(2).i32(3).call(module.routine(mixed)).i32(3).call(module.routine(mixed));
  module.function(f, 'twice');
  t.deepEqual([...module.routines], [mixed]);
  const { twice } = instantiate(module, { mixed: routine }) as { twice: () => bigint };
  t.is(twice(), 8n);
});

test('parameters have their widths', t => {
  t.throws(() => mixed.of(constant(64, 1), constant(64, 1)), { message: /mixed: parameter 1/ });
});
