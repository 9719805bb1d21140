/**
 * Many iterations of a repeated string instruction at once: those that stay within the pages of rSI and rDI, upwards, in 64-bit mode, if
 * the TLBs have the pages. The last iteration is never among them: the instruction itself does it, and sets the flags.
 */

import type { BulkOperation } from '../ir/effect.ts';
import { gprOffset, state, tlb } from '../state/layout.ts';
import { Flag } from '../state/registers.ts';
import { FunctionBuilder, type FunctionReference, type Label } from '../wasm/function.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import type { MemoryOpcodeName } from '../wasm/opcodes.ts';
import { record } from './record.ts';

/** (cpu, record) → how dear it was: iterations that would have taken as long. `equal`: what CMPS and SCAS go on with. */
export function bulkSupport(
  module: ModuleBuilder,
  what: BulkOperation,
  bytes: number,
  equal: boolean,
): FunctionReference {
  const compares = what === 'cmps' || what === 'scas';
  return module.shared(`${what}${bytes}${compares && equal ? 'e' : ''}`, () => {
    const bulk = new Bulk(bytes, what === 'movs' || what === 'cmps');
    if (compares) bulk.compare(equal);
    else bulk.write();
    return bulk.f;
  });
}

const sizes: Readonly<Record<number, readonly [load: MemoryOpcodeName, store: MemoryOpcodeName]>> = {
  1: ['i64.load8_u', 'i64.store8'],
  2: ['i64.load16_u', 'i64.store16'],
  4: ['i64.load32_u', 'i64.store32'],
  8: ['i64.load', 'i64.store'],
};
const [rax, rcx, rsi, rdi] = [0, 1, 6, 7];
const cpu = 0;
const rec = 1;
/** So many elements, moved or compared one by one, take as long as an iteration. */
const elementsPerIteration = 64;

class Bulk {
  readonly f = new FunctionBuilder(['i32', 'i32'], ['i32']);
  readonly #shift: number;
  readonly #count = this.f.local('i64');
  /** Where they are in linear memory; the end of the target. */
  readonly #from = this.f.local('i32');
  readonly #to = this.f.local('i32');
  readonly #end = this.f.local('i32');
  readonly #value = this.f.local('i64');
  readonly #entry = this.f.local('i32');
  readonly #weight = this.f.local('i32');

  constructor(
    readonly bytes: number,
    readonly hasSource: boolean,
  ) {
    this.#shift = Math.log2(bytes);
  }

  #register(index: number): FunctionBuilder {
    return this.f.get(cpu).memory('i64.load', gprOffset(index));
  }

  /** Finds both places and how many elements there are; branches to `out` if there is nothing to be done. `spared`: without the last of a page. */
  #locate(table: number, spared: boolean, out: Label): void {
    const { f } = this;
    const source = f.local('i64');
    const target = f.local('i64');
    f.get(cpu).memory('i32.load', state.flagSystem.offset).i32(Flag.df).op('i32.and').brIf(out);
    f.get(cpu).memory('i32.load8_u', state.stepping.offset).brIf(out);
    this.#register(rdi).set(target);
    this.#register(rcx).i64(1).op('i64.sub').set(this.#count);
    this.#limit(target, spared);
    if (this.hasSource) {
      this.#register(rsi).get(cpu).get(rec).memory('i32.load16_u', record.segmentBase).op('i32.add').memory('i64.load');
      f.op('i64.add').set(source);
      this.#limit(source, spared);
    }
    f.get(this.#count).i64(2).op('i64.lt_s').brIf(out);
    this.#find(target, table, this.#to, out);
    if (this.hasSource) this.#find(source, tlb.read, this.#from, out);
    f.get(this.#to).get(this.#count).op('i32.wrap_i64').i32(this.#shift).op('i32.shl').op('i32.add').set(this.#end);
    f.release(source);
    f.release(target);
  }

  /** Elements before the end of the page; an element that straddles it is not counted. */
  #limit(address: number, spared: boolean): void {
    const { f } = this;
    f.get(this.#count).i64(4096).get(address).i64(4095).op('i64.and').op('i64.sub').i64(this.#shift).op('i64.shr_u');
    f.tee(this.#value);
    if (spared) f.get(this.#value).i64(0).op('i64.ne').op('i64.extend_i32_u').op('i64.sub').tee(this.#value);
    f.get(this.#count).get(this.#value).op('i64.lt_u').op('select').set(this.#count);
  }

  #find(address: number, table: number, host: number, out: Label): void {
    const { f } = this;
    f.get(address)
      .op('i32.wrap_i64')
      .i32(8)
      .op('i32.shr_u')
      .i32((tlb.entries - 1) << 4)
      .op('i32.and');
    f.get(cpu).op('i32.add').tee(this.#entry).memory('i64.load', table);
    f.get(address).i64(-4096).op('i64.and').get(cpu).memory('i64.load32_u', state.context.offset).op('i64.or');
    f.op('i64.ne').brIf(out);
    f.get(address)
      .op('i32.wrap_i64')
      .get(this.#entry)
      .memory('i32.load', table + 8)
      .op('i32.add')
      .set(host);
  }

  /** Registers after `count` elements. */
  #advance(): void {
    const { f } = this;
    for (const index of this.hasSource ? [rdi, rsi] : [rdi]) {
      f.get(cpu);
      this.#register(index).get(this.#count).i64(this.#shift).op('i64.shl').op('i64.add');
      f.memory('i64.store', gprOffset(index));
    }
    f.get(cpu);
    this.#register(rcx).get(this.#count).op('i64.sub').memory('i64.store', gprOffset(rcx));
  }

  /** Moves on by one element; the end of the loop. */
  #next(loop: Label): void {
    const { f, bytes } = this;
    if (this.hasSource) f.get(this.#from).i32(bytes).op('i32.add').set(this.#from);
    f.get(this.#to).i32(bytes).op('i32.add').tee(this.#to).get(this.#end).op('i32.ne').brIf(loop);
  }

  /** The element of rAX in `value`. */
  #takeAccumulator(): void {
    const mask = (1n << BigInt(this.bytes * 8)) - 1n;
    this.#register(rax).i64(mask).op('i64.and').set(this.#value);
  }

  /** MOVS, STOS. Elements are moved one by one where the destination overlaps the source from above: that order is visible. */
  write(): void {
    const { f, bytes } = this;
    const [load, store] = sizes[bytes];
    const out = f.block();
    this.#locate(tlb.write, false, out);
    this.#advance();
    const length = () => f.get(this.#end).get(this.#to).op('i32.sub');
    if (this.hasSource) {
      f.get(this.#to).get(this.#from).op('i32.sub').get(this.#count).op('i32.wrap_i64').i32(this.#shift);
      f.op('i32.shl').op('i32.ge_u').if();
      f.get(this.#to).get(this.#from);
      length().memoryCopy().br(out).end();
    } else {
      const uniform = 0x0101_0101_0101_0101n & ((1n << BigInt(bytes * 8)) - 1n);
      this.#takeAccumulator();
      f.get(this.#value).get(this.#value).i64(0xff).op('i64.and').i64(uniform).op('i64.mul').op('i64.eq').if();
      f.get(this.#to).get(this.#value).op('i32.wrap_i64');
      length().memoryFill().br(out).end();
    }
    this.#weigh();
    const loop = f.loop();
    f.get(this.#to);
    if (this.hasSource) f.get(this.#from).memory(load, 0, 0);
    else f.get(this.#value);
    f.memory(store, 0, 0);
    this.#next(loop);
    f.end();
    f.end();
    f.get(this.#weight);
  }

  /** Elements of #count are about to be met one by one. */
  #weigh(): void {
    this.f.get(this.#count).op('i32.wrap_i64').i32(Math.log2(elementsPerIteration)).op('i32.shr_u').set(this.#weight);
  }

  /**
   * CMPS, SCAS, up to the first element that ends the repetition. The element at the end of a page is spared: should the next page fault,
   * flags are those of the element before it.
   */
  compare(equal: boolean): void {
    const { f, bytes } = this;
    const [load] = sizes[bytes];
    const begin = f.local('i32');
    const out = f.block();
    this.#locate(tlb.read, true, out);
    f.get(this.#to).set(begin);
    if (!this.hasSource) this.#takeAccumulator();
    const stop = f.block();
    const loop = f.loop();
    if (this.hasSource) f.get(this.#from).memory(load, 0, 0);
    else f.get(this.#value);
    f.get(this.#to)
      .memory(load, 0, 0)
      .op(equal ? 'i64.ne' : 'i64.eq')
      .brIf(stop);
    this.#next(loop);
    f.end();
    f.end();
    f.get(this.#to).get(begin).op('i32.sub').i32(this.#shift).op('i32.shr_u').op('i64.extend_i32_u').set(this.#count);
    this.#weigh();
    this.#advance();
    f.end();
    f.release(begin);
    f.get(this.#weight);
  }
}
