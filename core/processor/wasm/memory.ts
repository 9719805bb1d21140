/** Guest memory accesses: the TLB in line (core/processor/mmu/tlb.ts), everything else in the embedder's translateRead and translateWrite. */

import type { Width } from '../ir/value.ts';
import { state, tlb } from '../state/layout.ts';
import type { Target } from './target.ts';

/** From the linear address in an i64 local to the address in linear memory, left in an i32 local that the caller releases. */
export function translate(target: Target, linear: number, bytes: number, write: boolean, pushSize: () => void): number {
  const { f } = target;
  const entry = f.local('i32');
  const host = f.local('i32');
  const table = write ? tlb.write : tlb.read;
  f.get(linear);
  if (bytes > 1) f.i64(bytes - 1).op('i64.add');
  f.i64(-4096).op('i64.and');
  target.pushContext();
  f.op('i64.or');
  f.get(linear)
    .op('i32.wrap_i64')
    .i32(8)
    .op('i32.shr_u')
    .i32((tlb.entries - 1) << 4)
    .op('i32.and');
  target.pushCpu();
  f.op('i32.add').tee(entry).memory('i64.load', table).op('i64.ne');
  f.if('i32', 'unlikely');
  target.pushCpu();
  f.get(linear).op('i32.wrap_i64');
  f.get(linear).i64(32).op('i64.shr_u').op('i32.wrap_i64');
  pushSize();
  f.call(target.import(write ? 'translateWrite' : 'translateRead'))
    .tee(host)
    .op('i32.eqz');
  f.if(undefined, 'unlikely');
  target.abort();
  f.end();
  f.get(host);
  f.else();
  f.get(linear)
    .op('i32.wrap_i64')
    .get(entry)
    .memory('i32.load', table + 8)
    .op('i32.add');
  f.end();
  f.set(host);
  f.release(entry);
  return host;
}

/** After a store: a write that was gathered because it crosses a page goes to its two pages now. */
export function commitIfGathered(target: Target, host: number): void {
  const { f } = target;
  f.get(host);
  target.pushCpu();
  f.i32(state.bounce.offset).op('i32.add').op('i32.eq');
  f.if(undefined, 'unlikely');
  target.pushCpu();
  f.call(target.import('commitBounce'));
  f.end();
}

/** `offset`: 16 for the upper half of 256 bits. */
export function pushLoad(target: Target, host: number, width: Width, offset = 0): void {
  const { f } = target;
  f.get(host);
  if (width === 128) f.memory('v128.load', offset, 0);
  else if (width === 64) f.memory('i64.load', 0, 0);
  else if (width === 32) f.memory('i32.load', 0, 0);
  else f.memory(width === 16 ? 'i32.load16_u' : 'i32.load8_u', 0, 0);
}

/** The value, loose, is pushed by `push`. */
export function store(target: Target, host: number, width: Width, push: () => void, offset = 0): void {
  const { f } = target;
  f.get(host);
  push();
  if (width === 128) f.memory('v128.store', offset, 0);
  else if (width === 64) f.memory('i64.store', 0, 0);
  else if (width === 32) f.memory('i32.store', 0, 0);
  else f.memory(width === 16 ? 'i32.store16' : 'i32.store8', 0, 0);
}
