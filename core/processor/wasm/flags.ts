/** Flag updates as their lazy form (core/processor/state/lazy-flags.ts). */
import type { FlagUpdate } from '../ir/effect.ts';
import { type FlagName, Value } from '../ir/value.ts';
import { flagFlips, flagPosition, storedFlags } from '../state/lazy-flags.ts';
import { Flag } from '../state/registers.ts';
import type { ValueWriter } from './values.ts';

const current = (name: FlagName): Value => new Value('flag', 1, [], name);

export function writeFlags(flags: FlagUpdate, values: ValueWriter): void {
  const { f, target } = values;
  const singly = flags.zf ?? flags.sf ?? flags.pf;
  let parts = 0;
  const join = (pushed: boolean): void => {
    if (pushed && parts++ > 0) f.op('i32.or');
  };

  let kept = 0;
  for (const name of storedFlags) {
    if (flags[name]) join(values.pushBitAt(flags[name], flagPosition[name]));
    else kept |= Flag[name];
  }
  if (flags.result && !singly) {
    keepBits(kept);
    values.pushSigned64(flags.result);
    target.popFlagResult();
  } else if (singly) {
    // A result that has ZF is 0 with PF set, one that has not is 1 with PF clear; the rest is flipped into place.
    const zf = f.local('i32');
    values.push(flags.zf ?? (flags.result ? flags.result.eq(0) : current('zf')));
    f.set(zf);
    join(values.pushBitAt(flags.sf ?? flags.result?.sign ?? current('sf'), flagPosition.sf));
    values.push(flags.pf ?? (flags.result ? parityOf(flags.result) : current('pf')));
    f.get(zf).op('i32.xor').i32(flagPosition.pf).op('i32.shl');
    join(true);
    keepBits(kept);
    f.get(zf).op('i32.eqz').op('i64.extend_i32_u');
    target.popFlagResult();
    f.release(zf);
  } else keepBits(kept | flagFlips);
  target.popFlagBits();

  function keepBits(mask: number): void {
    if (mask !== 0) {
      target.pushFlagBits();
      f.i32(mask).op('i32.and');
      join(true);
    }
    if (parts === 0) f.i32(0);
  }
}

const parityOf = (result: Value): Value => result.truncate(8).popcnt().bit(0).eq(0);
