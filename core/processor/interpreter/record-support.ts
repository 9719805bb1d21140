/** Functions that handlers call inside their module for slow addresses. */
import { Segment, state } from '../state/layout.ts';
import { FunctionBuilder, type FunctionReference } from '../wasm/function.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import { importFunction } from './import-function.ts';
import { record } from './record.ts';

export function recordSupport(module: ModuleBuilder, name: 'operandLinear' | 'legacyLinear'): FunctionReference {
  return module.shared(name, () => (name === 'operandLinear' ? writeOperandLinear(module) : writeLegacyLinear(module)));
}

/** (cpu, record, base + index + displacement, access): the linear address to result0; not 0: fault. For records with the slow bit. */
function writeOperandLinear(module: ModuleBuilder): FunctionBuilder {
  const f = new FunctionBuilder(['i32', 'i32', 'i64', 'i32'], ['i32']);
  const [cpu, rec, sum, access] = [0, 1, 2, 3];
  f.get(rec).memory('i32.load8_u', record.address).i32(0x80).op('i32.and').op('i32.eqz').if();
  f.i64(0xffff_ffffn).i64(0xffff);
  f.get(rec).memory('i32.load8_u', record.address).i32(0x40).op('i32.and').op('select');
  f.get(sum).op('i64.and').set(sum).end();
  f.get(cpu).memory('i32.load', state.mode.offset).i32(3).op('i32.and').i32(2).op('i32.eq').if();
  f.get(cpu).get(sum);
  f.get(cpu).get(rec).memory('i32.load16_u', record.segmentBase).op('i32.add').memory('i64.load');
  f.op('i64.add').memory('i64.store', state.result0.offset).i32(0).op('return').end();
  f.get(cpu).get(rec).memory('i32.load8_u', record.address).i32(3).op('i32.shr_u').i32(7).op('i32.and');
  f.get(sum).get(access).call(recordSupport(module, 'legacyLinear'));
  return f;
}

/** (cpu, segment, offset, access): flat segments have nothing to check and no base. */
function writeLegacyLinear(module: ModuleBuilder): FunctionBuilder {
  const f = new FunctionBuilder(['i32', 'i32', 'i64', 'i32'], ['i32']);
  const [cpu, segment, offset, access] = [0, 1, 2, 3];
  f.get(cpu).memory('i32.load', state.mode.offset).i32(16).op('i32.and').op('i32.eqz').i32(1);
  f.get(segment).i32(Segment.fs).op('i32.lt_u').op('select').op('i32.eqz').if();
  f.get(cpu).get(offset).memory('i64.store', state.result0.offset).i32(0).op('return').end();
  f.get(cpu).get(segment).get(offset).op('i32.wrap_i64').get(offset).i64(32).op('i64.shr_u').op('i32.wrap_i64');
  f.get(access).call(importFunction(module, 'linear'));
  return f;
}
