/** The general registers that a region uses, as locals: loaded where it is entered, stored where it is left. */
import type { Width } from '../ir/value.ts';
import { gprOffset } from '../state/layout.ts';
import { carrier, maskOf } from '../wasm/carrier.ts';
import type { FunctionBuilder } from '../wasm/function.ts';

export const isGeneral = (offset: number): boolean => offset < gprOffset(16);

export class RegisterFile {
  readonly #locals = new Map<number, number>();

  /** `used`: numbers of all registers that occur; `written`: of those that must be stored. */
  constructor(
    readonly f: FunctionBuilder,
    readonly cpu: number,
    used: ReadonlySet<number>,
    readonly written: ReadonlySet<number>,
  ) {
    for (const register of used) this.#locals.set(register, f.local('i64'));
  }

  loadAll(): void {
    for (const [register, local] of this.#locals)
      this.f.get(this.cpu).memory('i64.load', gprOffset(register)).set(local);
  }
  storeAll(): void {
    for (const register of this.written)
      this.f.get(this.cpu).get(this.#locals.get(register)!).memory('i64.store', gprOffset(register));
  }

  /** `offset` is within the state block; AH, CH, DH and BH are bytes at odd ones. */
  push(offset: number, width: Width): void {
    const { f } = this;
    const shift = (offset & 7) * 8;
    f.get(this.#local(offset));
    if (shift > 0) f.i64(shift).op('i64.shr_u');
    if (carrier(width) === 'i64') return;
    f.op('i32.wrap_i64');
    if (width < 32) f.i32(maskOf(width)).op('i32.and');
  }

  /** Bits above the width of what `push` leaves do not matter. */
  write(offset: number, width: Width, push: () => void): void {
    const { f } = this;
    const local = this.#local(offset);
    if (width === 64) push();
    else if (width === 32) {
      push();
      f.op('i64.extend_i32_u');
    } else {
      const shift = (offset & 7) * 8;
      const mask = BigInt(maskOf(width)) << BigInt(shift);
      f.get(local).i64(~mask).op('i64.and');
      push();
      f.op('i64.extend_i32_u');
      if (shift > 0) f.i64(shift).op('i64.shl');
      f.i64(mask).op('i64.and').op('i64.or');
    }
    f.set(local);
  }

  pushWhole(offset: number): void {
    this.f.get(this.#local(offset));
  }

  #local(offset: number): number {
    return this.#locals.get(offset >> 3)!;
  }
}
