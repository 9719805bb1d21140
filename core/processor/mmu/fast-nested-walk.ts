/**
 * The second dimension as generated code, for fast-walk.ts: from a guest-physical address to linear memory, if every entry on the way is of the plainest
 * kind. The format says which bits that means (`NestedFormat.plain`); AddressSpaces puts them into the state block.
 */
import { state } from '../state/layout.ts';
import { FunctionBuilder } from '../wasm/function.ts';
import { locate } from './locate.ts';

export const NestedUse = { read: 0, write: 1, execute: 2, table: 3 } as const;
export type NestedUse = (typeof NestedUse)[keyof typeof NestedUse];

const required = [state.nestedRead, state.nestedWrite, state.nestedCode, state.nestedTable];
const large = 0x80;

/** (cpu, guest-physical address) → address in linear memory of the page's first byte, or 0: ask. */
export function writeNestedPage(use: NestedUse): FunctionBuilder {
  const f = new FunctionBuilder(['i32', 'i64'], ['i32']);
  const [cpu, address] = [0, 1];
  const table = f.local('i32');
  const entry = f.local('i64');
  const permitted = f.local('i32');
  const all = f.local('i64');
  const base = f.local('i64');
  const field = (offset: number) => f.get(cpu).memory('i32.load', offset);
  const word = () => f.get(entry).op('i32.wrap_i64');

  const out = f.block();
  f.get(address).i64(48).op('i64.shr_u').i64(0).op('i64.ne').brIf(out);
  field(state.nestedRoot.offset).set(table);
  f.i32(-1).set(permitted);

  const step = (level: number) => {
    f.get(table)
      .get(address)
      .i64(3 + 9 * level)
      .op('i64.shr_u')
      .op('i32.wrap_i64')
      .i32(511)
      .op('i32.and')
      .i32(3)
      .op('i32.shl')
      .op('i32.add')
      .memory('i64.load')
      .set(entry);
    word().get(permitted).op('i32.and').set(permitted);
    f.get(entry).get(all).op('i64.or').set(all);
    f.get(entry).i64(0xf_ffff_ffff_f000n).op('i64.and').set(base);
  };
  const isLarge = () => word().i32(large).op('i32.and');
  const isTable = () => {
    word();
    field(state.nestedTableReserved.offset).op('i32.and').brIf(out);
    locate(f, cpu, base, table, out);
  };
  const within = (mask: bigint, reserved: number) => {
    word();
    field(reserved).op('i32.and').brIf(out);
    f.get(base).get(address).i64(mask).op('i64.and').op('i64.or').set(base);
  };

  const leaf = f.block();
  step(4);
  isLarge().brIf(out);
  isTable();
  step(3);
  isLarge().if();
  within(0x3fff_f000n, state.nestedHugeReserved.offset);
  f.br(leaf).end();
  isTable();
  step(2);
  isLarge().if();
  within(0x1f_f000n, state.nestedLargeReserved.offset);
  f.br(leaf).end();
  isTable();
  step(1);
  f.end();

  f.get(permitted);
  field(required[use].offset).op('i32.and');
  field(required[use].offset).op('i32.ne').brIf(out);
  f.get(all);
  f.get(cpu).memory(
    'i64.load',
    use === NestedUse.execute ? state.nestedReservedCode.offset : state.nestedReserved.offset,
  );
  f.op('i64.and').i64(0).op('i64.ne').brIf(out);
  word();
  field(state.nestedLeafMask.offset).op('i32.and');
  field(state.nestedLeafValue.offset).op('i32.ne').brIf(out);
  if (use === NestedUse.write || use === NestedUse.table) {
    const dirty = use === NestedUse.write ? state.nestedDirty.offset : state.nestedTableDirty.offset;
    word();
    field(dirty).op('i32.and');
    field(dirty).op('i32.ne').brIf(out);
  }
  locate(f, cpu, base, table, out);
  f.get(table).op('return');
  f.end();
  f.i32(0);
  return f;
}
