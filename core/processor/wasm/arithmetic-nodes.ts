/** Integer arithmetic and comparisons. Narrow operands are only cleaned where bits above their width would be seen. */
import type { Operation, Value } from '../ir/value.ts';
import { isConstant } from './carrier.ts';
import type { OpcodeName } from './opcodes.ts';
import { support } from './support.ts';
import type { ValueWriter } from './values.ts';
import { signExtend32 } from './width-nodes.ts';

const comparisons: Partial<Record<Operation, string>> = {
  eq: 'eq',
  ne: 'ne',
  ltU: 'lt_u',
  ltS: 'lt_s',
  leU: 'le_u',
  leS: 'le_s',
};
const negated: Partial<Record<Operation, string>> = {
  eq: 'ne',
  ne: 'eq',
  ltU: 'ge_u',
  ltS: 'ge_s',
  leU: 'gt_u',
  leS: 'gt_s',
};

/** Pushes such a node: whether it is clean; undefined: it is none. */
export function writeArithmetic(value: Value, values: ValueWriter, loose: boolean): boolean | undefined {
  const { f } = values;
  const { operation, width, inputs } = value;
  const [left, right] = inputs as [Value, Value];
  const prefix = width === 64 ? 'i64' : 'i32';
  if (comparisons[operation]) {
    compare(value, values, false);
    return true;
  }

  switch (operation) {
    case 'add':
    case 'sub':
    case 'mul':
      values.push(left, true);
      values.push(right, true);
      f.op(`${prefix}.${operation}`);
      return values.settle(width, loose);
    case 'and': {
      const clean = right.operation === 'constant';
      values.push(left, loose || clean);
      values.push(right, loose);
      f.op(`${prefix}.and`);
      return clean || !loose || width >= 32;
    }
    case 'or':
    case 'xor':
      if (operation === 'xor' && width === 1 && isConstant(right, 1n)) {
        pushNot(left, values);
        return true;
      }
      values.push(left, loose);
      values.push(right, loose);
      f.op(`${prefix}.${operation}`);
      return !loose || width >= 32;
    case 'not':
      values.push(left, true);
      if (width === 64) f.i64(-1).op('i64.xor');
      else f.i32(-1).op('i32.xor');
      return values.settle(width, loose);
    case 'neg':
      if (width === 64) f.i64(0);
      else f.i32(0);
      values.push(left, true);
      f.op(`${prefix}.sub`);
      return values.settle(width, loose);
    case 'shl':
      values.push(left, true);
      values.push(right);
      f.op(`${prefix}.shl`);
      return values.settle(width, loose);
    case 'shr':
      values.push(left);
      values.push(right);
      f.op(`${prefix}.shr_u`);
      return true;
    case 'sar':
      values.push(left, true);
      signExtend32(f, width);
      values.push(right);
      f.op(`${prefix}.shr_s`);
      return values.settle(width, loose);
    case 'rotl':
    case 'rotr':
      rotate(value, values);
      return values.settle(width, loose);
    case 'divU':
    case 'divS':
    case 'remU':
    case 'remS':
      divide(value, values);
      return values.settle(width, loose);
    case 'mulHighU':
    case 'mulHighS':
      values.push(left);
      values.push(right);
      f.call(support(values.target.module, operation));
      return true;
    case 'clz':
      values.push(left);
      f.op(`${prefix}.clz`);
      if (width < 32) f.i32(32 - width).op('i32.sub');
      return true;
    case 'ctz':
      values.push(left, true);
      if (width < 32) f.i32(1 << width).op('i32.or');
      f.op(`${prefix}.ctz`);
      return true;
    case 'popcnt':
      values.push(left);
      f.op(`${prefix}.popcnt`);
      return true;
    default:
      return undefined;
  }
}

function compare({ operation, inputs }: Value, values: ValueWriter, negate: boolean): void {
  const { f } = values;
  const [left, right] = inputs as [Value, Value];
  const prefix = left.width === 64 ? 'i64' : 'i32';
  const name = negate ? negated[operation] : comparisons[operation];
  if (isConstant(right, 0n) && (operation === 'eq' || operation === 'ne')) {
    values.push(left);
    f.op(`${prefix}.eqz`);
    if (name === 'ne') f.op('i32.eqz');
    return;
  }
  const signed = operation === 'ltS' || operation === 'leS';
  for (const side of [left, right]) {
    values.push(side, signed && side.width < 32);
    if (signed) signExtend32(f, side.width);
  }
  f.op(`${prefix}.${name}` as OpcodeName);
}

function pushNot(value: Value, values: ValueWriter): void {
  if (comparisons[value.operation] && !values.isKept(value) && !values.isShared(value)) {
    compare(value, values, true);
    return;
  }
  values.pushTruth(value);
  values.f.op('i32.eqz');
}

function rotate({ operation, width, inputs }: Value, values: ValueWriter): void {
  const { f } = values;
  const [left, right] = inputs as [Value, Value];
  values.push(left);
  if (width >= 32) {
    values.push(right);
    f.op(`${width === 64 ? 'i64' : 'i32'}.${operation}` as OpcodeName);
    return;
  }
  // Doubled up, the rotation is a shift: bits that leave at one end are there at the other.
  const doubled = f.local('i32');
  f.tee(doubled).i32(width).op('i32.shl').get(doubled).op('i32.or');
  f.release(doubled);
  if (operation === 'rotr') values.push(right);
  else {
    f.i32(width);
    values.push(right);
    f.op('i32.sub');
  }
  f.op('i32.shr_u');
}

/** By a support function that has an answer for zero and for overflow. */
function divide({ operation, width, inputs }: Value, values: ValueWriter): void {
  const signed = operation.endsWith('S');
  for (const side of inputs) {
    values.push(side, signed && side.width < 32);
    if (signed) signExtend32(values.f, width);
  }
  values.f.call(support(values.target.module, `${operation}${width === 64 ? 64 : 32}`));
}
