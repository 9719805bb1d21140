/**
 * The common part of a TLB miss as generated code. It walks 4-level tables in RAM, with a hypervisor's tables behind them or without, if accessed and
 * dirty bits are set already and the access is allowed. AddressSpaces keeps what it needs in the state block. Whenever anything is out of the
 * ordinary it asks TypeScript (`slow`).
 */
import { state, tlb } from '../state/layout.ts';
import { FunctionBuilder, type FunctionReference } from '../wasm/function.ts';
import { MEMORY, ModuleBuilder } from '../wasm/module.ts';
import { Variant } from './context.ts';
import { NestedUse, writeNestedPage } from './fast-nested-walk.ts';
import { locate } from './locate.ts';

type Kind = 'read' | 'write' | 'execute';
type Translate = (cpu: number, low: number, high: number, bytes: number) => number;

let compiled: WebAssembly.Module | undefined;

/** A translation that answers the common case itself and calls `slow` for the rest. */
export function quicken(memory: WebAssembly.Memory, slow: Translate, write: boolean): Translate {
  compiled ??= new WebAssembly.Module(writeModule().build());
  const { exports } = new WebAssembly.Instance(compiled, { [MEMORY.module]: { memory, slow } });
  return exports[write ? 'write' : 'read'] as Translate;
}

/** (cpu, low, high) → address of an instruction's byte in linear memory, or 0: ask. Fills no TLB. */
export function fetcher(memory: WebAssembly.Memory): (cpu: number, low: number, high: number) => number {
  compiled ??= new WebAssembly.Module(writeModule().build());
  const { exports } = new WebAssembly.Instance(compiled, { [MEMORY.module]: { memory, slow: () => 0 } });
  return exports.execute as (cpu: number, low: number, high: number) => number;
}

/** (cpu, low, high) → address in linear memory of the page where a guest's table lies, or 0: ask. */
export function tableFinder(memory: WebAssembly.Memory): (cpu: number, low: number, high: number) => number {
  compiled ??= new WebAssembly.Module(writeModule().build());
  const { exports } = new WebAssembly.Instance(compiled, { [MEMORY.module]: { memory, slow: () => 0 } });
  return exports.table as (cpu: number, low: number, high: number) => number;
}

/** The end of a write that crosses pages, by what the state block remembers of it. */
export function commitBounce(memory: WebAssembly.Memory): (cpu: number) => void {
  compiled ??= new WebAssembly.Module(writeModule().build());
  const { exports } = new WebAssembly.Instance(compiled, { [MEMORY.module]: { memory, slow: () => 0 } });
  return exports.commit as (cpu: number) => void;
}

function writeModule(): ModuleBuilder {
  const module = new ModuleBuilder();
  const slow = module.import('host', 'slow', ['i32', 'i32', 'i32', 'i32'], ['i32']);
  const table = module.function(writeNestedPage(NestedUse.table));
  const page = (kind: Kind, exported?: string): FunctionReference => {
    const nested = { table, page: module.function(writeNestedPage(NestedUse[kind])) };
    return module.function(
      writeEither(module.function(writePage(kind)), module.function(writePage(kind, nested))),
      exported,
    );
  };
  for (const write of [false, true]) {
    const kind = write ? 'write' : 'read';
    module.function(writeTranslate(slow, page(kind), write), kind);
  }
  page('execute', 'execute');
  module.function(writeTable(table), 'table');
  module.function(writeCommit(), 'commit');
  return module;
}

const present = 1;
const dirty = 0x40;
const large = 0x80;

function writeTable(table: FunctionReference): FunctionBuilder {
  const f = new FunctionBuilder(['i32', 'i32', 'i32'], ['i32']);
  f.get(0).memory('i32.load', state.nestedRoot.offset).op('i32.eqz').if();
  f.i32(0).op('return').end();
  f.get(0).get(1).op('i64.extend_i32_u').get(2).op('i64.extend_i32_u').i64(32).op('i64.shl').op('i64.or').call(table);
  return f;
}

/** The walk with a second dimension, or the one without. */
function writeEither(plain: FunctionReference, nested: FunctionReference): FunctionBuilder {
  const f = new FunctionBuilder(['i32', 'i32', 'i32'], ['i32']);
  f.get(0).memory('i32.load', state.nestedRoot.offset).if('i32');
  f.get(0).get(1).get(2).call(nested);
  f.else().get(0).get(1).get(2).call(plain).end();
  return f;
}

/** The second dimension: where guest tables and the page itself lie. */
interface Nested {
  readonly table: FunctionReference;
  readonly page: FunctionReference;
}

/** (cpu, low, high) → address in linear memory of the byte, or 0: ask. Data accesses fill the TLB. */
function writePage(kind: Kind, nested?: Nested): FunctionBuilder {
  const write = kind === 'write';
  const f = new FunctionBuilder(['i32', 'i32', 'i32'], ['i32']);
  const [cpu, low, high] = [0, 1, 2];
  const table = f.local('i32');
  const entry = f.local('i64');
  const permitted = f.local('i32');
  const all = f.local('i64');
  const base = f.local('i64');
  const at = f.local('i32');
  const field = (offset: number) => f.get(cpu).memory('i32.load', offset);

  /** From the physical address in `base`, guest-physical with a second dimension, to linear memory, in `table`. */
  const find = (dimension?: FunctionReference) => {
    if (dimension) f.get(cpu).get(base).call(dimension).tee(table).op('i32.eqz').brIf(out);
    else locate(f, cpu, base, table, out);
  };

  const out = f.block();
  if (nested) {
    f.get(cpu).memory('i64.load', state.nestedGuestRoot.offset).set(base);
    find(nested.table);
  } else field(state.walkRoot.offset).tee(table).op('i32.eqz').brIf(out);
  f.get(high).i32(15).op('i32.shr_s').i32(1).op('i32.add').i32(1).op('i32.gt_u').brIf(out);
  f.i32(-1).set(permitted);

  const step = (level: number) => {
    f.get(table);
    if (level === 4) f.get(high).i32(7).op('i32.shr_u');
    else if (level === 3) f.get(high).i32(2).op('i32.shl').get(low).i32(30).op('i32.shr_u').op('i32.or');
    else
      f.get(low)
        .i32(level === 2 ? 21 : 12)
        .op('i32.shr_u');
    f.i32(511).op('i32.and').i32(3).op('i32.shl').op('i32.add').memory('i64.load').tee(entry);
    f.op('i32.wrap_i64').get(permitted).op('i32.and').tee(permitted).i32(present).op('i32.and').op('i32.eqz').brIf(out);
    f.get(entry).get(all).op('i64.or').set(all);
    f.get(entry).i64(0xf_ffff_ffff_f000n).op('i64.and').set(base);
  };
  const isLarge = () => f.get(entry).op('i32.wrap_i64').i32(large).op('i32.and');
  /** A large page: the rest of the address is the linear address's. Where its PAT bit, bit 12, is set TypeScript walks. */
  const within = (mask: number, reserved: () => void) => {
    f.get(entry).op('i32.wrap_i64');
    reserved();
    f.op('i32.and').brIf(out);
    f.get(base).get(low).i32(mask).op('i32.and').op('i64.extend_i32_u').op('i64.or').set(base);
  };
  const note = (offset: number, value: number, pushIndex: () => void) => {
    f.get(cpu);
    pushIndex();
    f.op('i32.add').i32(value).memory('i32.store8', offset);
  };

  const leaf = f.block();
  step(4);
  isLarge().brIf(out);
  find(nested?.table);
  step(3);
  isLarge().if();
  within(0x3fff_f000, () => field(state.walkHugeReserved.offset));
  note(tlb.huge, 2, () =>
    f.get(low).i32(30).op('i32.shr_u').get(high).i32(2).op('i32.shl').op('i32.xor').i32(255).op('i32.and'),
  );
  f.br(leaf).end();
  find(nested?.table);
  step(2);
  isLarge().if();
  within(0x1f_f000, () => f.i32(0x1f_f000));
  note(tlb.large, 1, () =>
    f.get(low).i32(21).op('i32.shr_u').get(high).i32(11).op('i32.shl').op('i32.xor').i32(4095).op('i32.and'),
  );
  f.br(leaf).end();
  find(nested?.table);
  step(1);
  f.end();

  f.get(all).get(cpu).memory('i64.load', state.walkReserved.offset).op('i64.and').i64(0).op('i64.ne').brIf(out);
  const needed = write ? state.walkWrite.offset : state.walkRead.offset;
  const mask = (offset: number) => f.get(cpu).memory('i32.load8_u', offset);
  f.get(permitted);
  mask(needed).op('i32.and');
  mask(needed).op('i32.ne').brIf(out);
  f.get(permitted);
  mask(kind === 'execute' ? state.walkForbiddenCode.offset : state.walkForbidden.offset)
    .op('i32.and')
    .brIf(out);
  if (write) f.get(entry).op('i32.wrap_i64').i32(dirty).op('i32.and').op('i32.eqz').brIf(out);
  find(nested?.page);
  if (write) {
    field(state.walkCodePages.offset).get(table).i32(12).op('i32.shr_u').op('i32.add').memory('i32.load8_u');
    f.brIf(out);
  }

  if (kind === 'execute') {
    f.get(all).i64(0).op('i64.lt_s').brIf(out);
    f.get(table).get(low).i32(4095).op('i32.and').op('i32.add').op('return');
    f.end();
    f.i32(0);
    return f;
  }

  // Canonical and permitted: an entry of the TLB.
  const offset = write ? tlb.write : tlb.read;
  f.get(cpu)
    .get(low)
    .i32(8)
    .op('i32.shr_u')
    .i32((tlb.entries - 1) << 4)
    .op('i32.and')
    .op('i32.add')
    .tee(at);
  f.get(low).i32(-4096).op('i32.and');
  field(state.context.offset).op('i32.or').memory('i32.store', offset);
  f.get(at)
    .get(high)
    .memory('i32.store', offset + 4);
  f.get(at)
    .get(table)
    .get(low)
    .i32(-4096)
    .op('i32.and')
    .op('i32.sub')
    .memory('i32.store', offset + 8);
  f.get(at)
    .i32(0)
    .memory('i32.store', offset + 12);
  f.get(table).get(low).i32(4095).op('i32.and').op('i32.add').op('return');
  f.end();
  f.i32(0);
  return f;
}

/** (cpu, low, high, size) → address, as EngineImports.translateRead and translateWrite have it. */
function writeTranslate(slow: FunctionReference, page: FunctionReference, write: boolean): FunctionBuilder {
  const f = new FunctionBuilder(['i32', 'i32', 'i32', 'i32'], ['i32']);
  const [cpu, low, high, size] = [0, 1, 2, 3];
  const bytes = f.local('i32');
  const first = f.local('i32');
  const firstBytes = f.local('i32');
  const second = f.local('i32');
  const ask = f.block();
  // Alignment is checked only by the slow path.
  f.get(cpu)
    .memory('i32.load', state.context.offset)
    .i32(3)
    .op('i32.and')
    .i32(Variant.userAligned)
    .op('i32.eq')
    .brIf(ask);
  f.get(cpu).get(low).get(high).call(page).tee(first).op('i32.eqz').brIf(ask);
  f.i32(4096).get(low).i32(4095).op('i32.and').op('i32.sub').tee(firstBytes);
  f.get(size).i32(0xff).op('i32.and').tee(bytes).op('i32.ge_s').if();
  f.get(first).op('return').end();

  const next = () => f.get(low).i32(-4096).op('i32.and').i32(4096).op('i32.add');
  next().op('i32.eqz').brIf(ask);
  f.get(cpu);
  next().get(high).call(page).tee(second).op('i32.eqz').brIf(ask);
  const bounce = () => f.get(cpu).i32(state.bounce.offset).op('i32.add');
  bounce().get(first).get(firstBytes).memoryCopy();
  bounce().get(firstBytes).op('i32.add').get(second).get(bytes).get(firstBytes).op('i32.sub').memoryCopy();
  if (write) {
    f.get(cpu).get(first).memory('i32.store', state.bounceFirst.offset);
    f.get(cpu).get(second).memory('i32.store', state.bounceSecond.offset);
    f.get(cpu).get(firstBytes).memory('i32.store8', state.bounceFirstBytes.offset);
    f.get(cpu).get(bytes).memory('i32.store8', state.bounceBytes.offset);
  }
  bounce().op('return');
  f.end();
  f.get(cpu).get(low).get(high).get(size).call(slow);
  return f;
}

function writeCommit(): FunctionBuilder {
  const f = new FunctionBuilder(['i32'], []);
  const cpu = 0;
  const firstBytes = f.local('i32');
  const bounce = () => f.get(cpu).i32(state.bounce.offset).op('i32.add');
  f.get(cpu).memory('i32.load', state.bounceFirst.offset);
  bounce().get(cpu).memory('i32.load8_u', state.bounceFirstBytes.offset).tee(firstBytes).memoryCopy();
  f.get(cpu).memory('i32.load', state.bounceSecond.offset);
  bounce().get(firstBytes).op('i32.add');
  f.get(cpu).memory('i32.load8_u', state.bounceBytes.offset).get(firstBytes).op('i32.sub').memoryCopy();
  return f;
}
