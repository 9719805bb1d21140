import test from 'ava';
import { SoftFloat } from '../../../../core/processor/float/soft-float.ts';
import { replaySse } from './replay-sse.ts';
import { replays } from './support.ts';

for (const { name, count, differences } of replays(0, 63, replaySse)) {
  test(`${name} answers as a real CPU did, ${count} times`, t => {
    t.deepEqual(differences(), []);
  });
}

const one = 0x3f80_0000;
const signalingNaN = 0x7f80_0001;

/** ADDPS of an inexact and an invalid sum. */
function addPacked(unit: SoftFloat): void {
  unit.beginPacked();
  unit.single.add(one + 1, 0x3300_0000);
  unit.single.add(signalingNaN, one);
  unit.single.add(1, one);
  unit.endPacked();
}

test('a packed instruction reports every element', t => {
  const unit = new SoftFloat();
  addPacked(unit);
  t.is(unit.flags, 0x23);
  t.false(unit.faulted);
});

test('an unmasked exception before computation hides what computing would have raised', t => {
  const unit = new SoftFloat();
  unit.flags = 0x08;
  unit.masks = 0x3e;
  addPacked(unit);
  t.is(unit.flags, 0x0b);
  t.true(unit.faulted);
});

test('an unmasked exception after computation hides nothing', t => {
  const unit = new SoftFloat();
  unit.masks = 0x1f;
  addPacked(unit);
  t.is(unit.flags, 0x23);
  t.true(unit.faulted);
});

test('flags stick, what the latest operation raised does not', t => {
  const unit = new SoftFloat();
  unit.single.divide(one, 0);
  unit.single.add(one, one);
  t.is(unit.flags, 0x04);
  t.is(unit.raised, 0);
});
