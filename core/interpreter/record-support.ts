/** Functions that handlers call inside their module: slow addresses, and many iterations of a string instruction at once. */
import { gprOffset, Segment, state, tlb } from '../state/layout.ts';
import { FunctionBuilder, type FunctionReference } from '../wasm/function.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import type { MemoryOpcodeName } from '../wasm/opcodes.ts';
import { importFunction } from './import-function.ts';
import { record } from './record.ts';

export function recordSupport(module: ModuleBuilder, name: string): FunctionReference {
  const string = /^(movs|stos)(\d+)$/.exec(name);
  return module.shared(name, () => {
    if (string) return writeBulk(module, string[1] === 'movs', Number(string[2]) / 8);
    return name === 'operandLinear' ? writeOperandLinear(module) : writeLegacyLinear(module);
  });
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

const sizes: Readonly<Record<number, readonly [load: MemoryOpcodeName, store: MemoryOpcodeName]>> = {
  1: ['i64.load8_u', 'i64.store8'],
  2: ['i64.load16_u', 'i64.store16'],
  4: ['i64.load32_u', 'i64.store32'],
  8: ['i64.load', 'i64.store'],
};

/**
 * (cpu, record): REP MOVS or STOS upwards in 64-bit mode, all iterations but the last that stay within the pages of rSI and rDI, if the
 * TLBs have them. Elements are moved one by one where the destination overlaps the source from above: that order is visible.
 */
function writeBulk(_module: ModuleBuilder, moves: boolean, bytes: number): FunctionBuilder {
  const f = new FunctionBuilder(['i32', 'i32'], []);
  const [cpu, rec] = [0, 1];
  const shift = Math.log2(bytes);
  const [load, store] = sizes[bytes]!;
  const count = f.local('i64');
  const source = f.local('i64');
  const target = f.local('i64');
  const from = f.local('i32');
  const to = f.local('i32');
  const end = f.local('i32');
  const value = f.local('i64');
  const entry = f.local('i32');
  const register = (index: number) => f.get(cpu).memory('i64.load', gprOffset(index));

  const out = f.block();
  f.get(cpu).memory('i32.load', state.flagSystem.offset).i32(0x400).op('i32.and').brIf(out);
  f.get(cpu).memory('i32.load8_u', state.stepping.offset).brIf(out);
  register(7).set(target);
  register(1).i64(1).op('i64.sub').set(count);
  const limit = (address: number) => {
    // Elements before the end of the page; an element that straddles it is not counted.
    f.get(count).i64(4096).get(address).i64(4095).op('i64.and').op('i64.sub').i64(shift).op('i64.shr_u').tee(value);
    f.get(count).get(value).op('i64.lt_u').op('select').set(count);
  };
  limit(target);
  const find = (address: number, table: number, host: number) => {
    f.get(address)
      .op('i32.wrap_i64')
      .i32(8)
      .op('i32.shr_u')
      .i32((tlb.entries - 1) << 4)
      .op('i32.and');
    f.get(cpu).op('i32.add').tee(entry).memory('i64.load', table);
    f.get(address).i64(-4096).op('i64.and').get(cpu).memory('i64.load32_u', state.context.offset).op('i64.or');
    f.op('i64.ne').brIf(out);
    f.get(address)
      .op('i32.wrap_i64')
      .get(entry)
      .memory('i32.load', table + 8)
      .op('i32.add')
      .set(host);
  };
  if (moves) {
    register(6).get(cpu).get(rec).memory('i32.load16_u', record.segmentBase).op('i32.add').memory('i64.load');
    f.op('i64.add').set(source);
    limit(source);
  }
  f.get(count).i64(2).op('i64.lt_s').brIf(out);
  find(target, tlb.write, to);
  if (moves) find(source, tlb.read, from);
  f.get(to).get(count).op('i32.wrap_i64').i32(shift).op('i32.shl').op('i32.add').set(end);

  const advance = (index: number) => {
    f.get(cpu).get(cpu).memory('i64.load', gprOffset(index)).get(count).i64(shift).op('i64.shl').op('i64.add');
    f.memory('i64.store', gprOffset(index));
  };
  advance(7);
  if (moves) advance(6);
  f.get(cpu).get(cpu).memory('i64.load', gprOffset(1)).get(count).op('i64.sub').memory('i64.store', gprOffset(1));

  if (moves) {
    f.get(to).get(from).op('i32.sub').get(count).op('i32.wrap_i64').i32(shift).op('i32.shl').op('i32.ge_u').if();
    f.get(to).get(from).get(end).get(to).op('i32.sub').memoryCopy().br(out).end();
  } else {
    register(0).set(value);
    const uniform = 0x0101_0101_0101_0101n & ((1n << BigInt(bytes * 8)) - 1n);
    const mask = (1n << BigInt(bytes * 8)) - 1n;
    f.get(value).i64(mask).op('i64.and').tee(value);
    f.get(value).i64(0xff).op('i64.and').i64(uniform).op('i64.mul').op('i64.eq').if();
    f.get(to).get(value).op('i32.wrap_i64').get(end).get(to).op('i32.sub').memoryFill().br(out).end();
  }
  const loop = f.loop();
  f.get(to);
  if (moves) f.get(from).memory(load, 0, 0);
  else f.get(value);
  f.memory(store, 0, 0);
  if (moves) f.get(from).i32(bytes).op('i32.add').set(from);
  f.get(to).i32(bytes).op('i32.add').tee(to).get(end).op('i32.ne').brIf(loop);
  f.end();
  f.end();
  return f;
}
