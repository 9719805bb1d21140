/** Leaves of the IR: constants, and what the target reads. */
import type { FlagName, Value } from '../ir/value.ts';
import type { ValueWriter } from './values.ts';

/** Pushes a leaf, which is always clean; undefined: it is none. */
export function writeLeaf(value: Value, { f, target }: ValueWriter): true | undefined {
  const { operation, width, detail } = value;
  switch (operation) {
    case 'constant':
      if (width === 128) f.v128(BigInt.asUintN(64, detail as bigint), (detail as bigint) >> 64n);
      else if (width === 64) f.i64(detail as bigint);
      else f.i32(Number(BigInt.asIntN(32, detail as bigint)));
      return true;
    case 'parameter':
      f.get(detail as number);
      return true;
    case 'register':
      target.pushRegister(detail as number, width);
      return true;
    case 'upper':
      target.pushUpper(detail as number);
      return true;
    case 'state':
      target.pushState(detail as number, width);
      return true;
    case 'immediate':
      target.pushImmediate(detail as number, width);
      return true;
    case 'number':
      target.pushNumber(detail as number);
      return true;
    case 'scale':
      target.pushScale();
      return true;
    case 'segment':
      target.pushSegment(detail as number);
      return true;
    case 'stackBased':
      target.pushStackBased();
      return true;
    case 'offset':
      target.pushOffset();
      return true;
    case 'flag':
      pushFlag(detail as FlagName);
      return true;
    case 'rip':
      target.pushRip();
      return true;
    case 'nextRip':
      target.pushNextRip();
      return true;
    default:
      return undefined;
  }

  function pushFlag(name: FlagName): void {
    if (name === 'cf') pushFlagBit(0);
    else if (name === 'af') pushFlagBit(4);
    else if (name === 'of') pushFlagBit(11);
    else if (name === 'zf') {
      target.pushFlagResult();
      f.op('i64.eqz');
    } else if (name === 'sf') {
      target.pushFlagResult();
      f.i64(63).op('i64.shr_u').op('i32.wrap_i64');
      pushFlagBit(7);
      f.op('i32.xor');
    } else {
      target.pushFlagResult();
      f.op('i32.wrap_i64').i32(0xff).op('i32.and').op('i32.popcnt').i32(1).op('i32.and').op('i32.eqz');
      pushFlagBit(2);
      f.op('i32.xor');
    }
  }

  function pushFlagBit(position: number): void {
    target.pushFlagBits();
    if (position > 0) f.i32(position).op('i32.shr_u');
    f.i32(1).op('i32.and');
  }
}
