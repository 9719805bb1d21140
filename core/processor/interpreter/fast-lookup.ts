/**
 * The common part of a look-up as generated code: 64-bit code whose page has been decoded, at an address that the walk in
 * core/processor/mmu/fast-walk.ts can translate. Everything else is CodeCache.lookup's.
 */
import { state, tlb } from '../state/layout.ts';
import { mode64 } from '../state/mode.ts';
import { FunctionBuilder } from '../wasm/function.ts';
import { MEMORY, ModuleBuilder } from '../wasm/module.ts';
import { Handler } from './handlers.ts';
import { record } from './record.ts';

type Lookup = (cpu: number) => number;

let compiled: WebAssembly.Module | undefined;

/** `slow`, but for what it need not be asked. `walk`: core/processor/mmu/fast-walk.ts has it. */
export function quickenLookup(memory: WebAssembly.Memory, walk: (...block: number[]) => number, slow: Lookup): Lookup {
  compiled ??= new WebAssembly.Module(writeModule().build());
  const { exports } = new WebAssembly.Instance(compiled, { [MEMORY.module]: { memory, walk, slow } });
  return exports.lookup as Lookup;
}

function writeModule(): ModuleBuilder {
  const module = new ModuleBuilder();
  const walk = module.import(MEMORY.module, 'walk', ['i32', 'i32', 'i32'], ['i32']);
  const slow = module.import(MEMORY.module, 'slow', ['i32'], ['i32']);
  const f = new FunctionBuilder(['i32'], ['i32']);
  const cpu = 0;
  const rip = f.local('i64');
  const address = f.local('i32');
  const table = f.local('i32');
  const pointer = f.local('i32');
  const entry = f.local('i32');
  const field = (offset: number) => f.get(cpu).memory('i32.load', offset);

  const ask = f.block();
  field(state.mode.offset).i32(mode64).op('i32.ne').brIf(ask);
  field(state.codeWatched.offset).brIf(ask);
  f.get(cpu).get(cpu).memory('i64.load', state.rip.offset).tee(rip).op('i32.wrap_i64');
  f.get(rip).i64(32).op('i64.shr_u').op('i32.wrap_i64').call(walk).tee(address).op('i32.eqz').brIf(ask);
  field(state.codeTables.offset).get(address).i32(12).op('i32.shr_u').i32(2).op('i32.shl').op('i32.add');
  f.memory('i32.load').tee(table).op('i32.eqz').brIf(ask);
  f.get(table).get(address).i32(4095).op('i32.and').i32(2).op('i32.shl').op('i32.add');
  f.memory('i32.load').tee(pointer).op('i32.eqz').brIf(ask);
  f.get(pointer).memory('i32.load16_u', record.handler).i32(Handler.crossing).op('i32.eq').brIf(ask);

  f.get(cpu).get(table).memory('i32.store', state.codeTable.offset);
  f.get(cpu).get(rip).i64(-4096).op('i64.and').memory('i64.store', state.codeBase.offset);
  // The entry of the fetch TLB, as Mmu.fillFetch makes it.
  f.get(cpu).get(rip).op('i32.wrap_i64').i32(8).op('i32.shr_u');
  f.i32((tlb.entries - 1) << 4)
    .op('i32.and')
    .op('i32.add')
    .tee(entry);
  f.get(rip).i64(-4096).op('i64.and').get(cpu).memory('i64.load32_u', state.context.offset).op('i64.or');
  f.memory('i64.store', tlb.fetch);
  f.get(entry)
    .get(address)
    .get(rip)
    .op('i32.wrap_i64')
    .op('i32.sub')
    .memory('i32.store', tlb.fetch + 8);
  f.get(entry)
    .get(table)
    .memory('i32.store', tlb.fetch + 12);
  f.get(pointer).op('return');
  f.end();
  f.get(cpu).call(slow);
  module.function(f, 'lookup');
  return module;
}
