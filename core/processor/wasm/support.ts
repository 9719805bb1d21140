/** Functions that lowered code calls inside its own module: arithmetic that WebAssembly lacks or that would trap. */
import { FunctionBuilder, type FunctionReference } from './function.ts';
import type { ModuleBuilder } from './module.ts';
import type { OpcodeName } from './opcodes.ts';

export function support(module: ModuleBuilder, name: string): FunctionReference {
  return module.shared(name, writers[name]);
}

const writers: Readonly<Record<string, () => FunctionBuilder>> = {
  mulHighU: () => writeMulHigh(false),
  mulHighS: () => writeMulHigh(true),
  divU64: () => writeDivide('i64', 'div_u'),
  remU64: () => writeDivide('i64', 'rem_u'),
  divS64: () => writeDivide('i64', 'div_s'),
  remS64: () => writeDivide('i64', 'rem_s'),
  divU32: () => writeDivide('i32', 'div_u'),
  remU32: () => writeDivide('i32', 'rem_u'),
  divS32: () => writeDivide('i32', 'div_s'),
  remS32: () => writeDivide('i32', 'rem_s'),
};

/** By zero: zero. The least number by -1: itself, remainder zero. */
function writeDivide(type: 'i32' | 'i64', operation: 'div_u' | 'div_s' | 'rem_u' | 'rem_s'): FunctionBuilder {
  const f = new FunctionBuilder([type, type], [type]);
  const constant = (value: number) => (type === 'i64' ? f.i64(value) : f.i32(value));
  const op = (name: string) => f.op(`${type}.${name}` as OpcodeName);
  f.get(1);
  op('eqz');
  f.if();
  constant(0).op('return');
  f.end();
  if (operation === 'div_s') {
    f.get(1);
    constant(-1);
    op('eq');
    f.if();
    constant(0).get(0);
    op('sub').op('return');
    f.end();
  }
  f.get(0).get(1);
  op(operation);
  return f;
}

/** Upper 64 bits of a 64 by 64 product, from four products of halves. */
function writeMulHigh(signed: boolean): FunctionBuilder {
  const f = new FunctionBuilder(['i64', 'i64'], ['i64']);
  const low = (local: number) => f.get(local).i64(0xffff_ffffn).op('i64.and');
  const shift: OpcodeName = signed ? 'i64.shr_s' : 'i64.shr_u';
  const high = (local: number) => f.get(local).i64(32).op(shift);
  const carry = f.local('i64');
  const middle = f.local('i64');
  // carry = high(a) * low(b) + (low(a) * low(b) >> 32)
  high(0);
  low(1).op('i64.mul');
  low(0);
  low(1).op('i64.mul').i64(32).op('i64.shr_u').op('i64.add').set(carry);
  // middle = low(a) * high(b) + low(carry)
  low(0);
  high(1).op('i64.mul');
  low(carry).op('i64.add').set(middle);
  high(0);
  high(1).op('i64.mul');
  high(carry).op('i64.add');
  high(middle).op('i64.add');
  return f;
}
