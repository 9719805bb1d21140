/** Nodes that change widths, choose, or take 128-bit values apart. */
import type { Value, Width } from '../ir/value.ts';
import { carrier } from './carrier.ts';
import type { FunctionBuilder } from './function.ts';
import type { ValueWriter } from './values.ts';

/** Sign-extends within an i32. */
export function signExtend32(f: FunctionBuilder, width: Width): void {
  if (width === 8) f.op('i32.extend8_s');
  if (width === 16) f.op('i32.extend16_s');
}

/** Pushes such a node: whether it is clean; undefined: it is none. */
export function writeWidthChange(value: Value, values: ValueWriter, loose: boolean): boolean | undefined {
  const { f } = values;
  const { operation, width, inputs } = value;
  const left = inputs[0];
  switch (operation) {
    case 'zeroExtend':
      values.push(left);
      if (width === 64) f.op('i64.extend_i32_u');
      else if (width === 128) pushInLowHalf(left.width);
      return true;
    case 'signExtend':
      return signExtend();
    case 'truncate':
      values.push(left, left.width <= 64);
      if (left.width === 128) f.simd('i64x2.extract_lane').byte(0);
      if (left.width >= 64 && width < 64) f.op('i32.wrap_i64');
      return values.settle(width, loose);
    case 'select':
      values.push(inputs[1], loose);
      values.push(inputs[2], loose);
      values.pushTruth(left);
      if (width === 128) f.selectTyped('v128');
      else f.op('select');
      return !loose || width >= 32;
    case 'branch':
      values.pushTruth(left);
      f.if(carrier(width), 'likely');
      values.scope(() => values.push(inputs[1]));
      f.else();
      values.scope(() => values.push(inputs[2]));
      f.end();
      return true;
    case 'low64':
      values.push(left);
      f.simd('i64x2.extract_lane').byte(0);
      return true;
    case 'high64':
      values.push(left);
      f.simd('i64x2.extract_lane').byte(1);
      return true;
    case 'join64':
      values.push(left);
      f.simd('i64x2.splat');
      values.push(inputs[1]);
      f.simd('i64x2.replace_lane').byte(1);
      return true;
    default:
      return undefined;
  }

  function pushInLowHalf(from: Width): void {
    if (from < 64) f.op('i64.extend_i32_u');
    const low = f.local('i64');
    f.set(low).v128(0n, 0n).get(low).simd('i64x2.replace_lane').byte(0);
    f.release(low);
  }

  function signExtend(): boolean {
    if (left.width === 1) {
      // 0 or -1.
      if (width === 64) f.i64(0);
      else f.i32(0);
      values.push(left);
      if (width === 64) f.op('i64.extend_i32_u').op('i64.sub');
      else f.op('i32.sub');
      return values.settle(width, loose);
    }
    values.push(left, true);
    signExtend32(f, left.width);
    if (width === 64 && left.width < 64) f.op('i64.extend_i32_s');
    return values.settle(width, loose);
  }
}
