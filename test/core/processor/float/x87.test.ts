import test from 'ava';
import fc from 'fast-check';
import { F80 } from '../../../../core/processor/float/float80.ts';
import { SoftFloat } from '../../../../core/processor/float/soft-float.ts';
import { instructions, replayX87, Trial } from './replay-x87.ts';
import { replays } from './support.ts';
import { operations, readRecording } from './vectors.ts';

const first = 64;
const last = 104;
const firstTranscendental = 97;

for (const { name, count, differences } of replays(first, firstTranscendental - 1, replayX87)) {
  test(`${name} answers as a real CPU did, ${count} times`, t => {
    t.deepEqual(differences(), []);
  });
}

for (const { name, count, differences } of replays(firstTranscendental, last, replayX87)) {
  test(`${name} is within an ulp of a real CPU, ${count} times`, t => {
    t.deepEqual(differences(), []);
  });
}

test('a register keeps its ten bytes', t => {
  const view = new DataView(new ArrayBuffer(32));
  const bytes = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x80, 0xc0];
  bytes.forEach((byte, index) => {
    view.setUint8(3 + index, byte);
  });
  const value = new F80().load(view, 3);
  t.like(value, { sign: 1, exponent: 0x4080, hi: 0xefcd_ab89, lo: 0x6745_2301 });
  value.store(view, 16);
  t.deepEqual(Array.from(new Uint8Array(view.buffer, 16, 12)), [...bytes, 0, 0]);
});

test('a result may replace an operand', t => {
  const unit = new SoftFloat();
  const two = new F80().set(0, 0x4000, 0x8000_0000, 0);
  unit.extended.multiply(two, two, two);
  t.like(two, { sign: 0, exponent: 0x4001, hi: 0x8000_0000, lo: 0 });
});

test('an unmasked invalid operation leaves the destination alone', t => {
  const unit = new SoftFloat();
  unit.masks = 0x3e;
  const value = new F80().set(1, 0x3fff, 0x8000_0000, 0);
  unit.extended.squareRoot(value, value);
  t.true(unit.blocked);
  t.like(value, { sign: 1, exponent: 0x3fff, hi: 0x8000_0000, lo: 0 });
});

test('whatever the operands, every instruction ends, in a register image', t => {
  const image = fc.uint8Array({ minLength: 10, maxLength: 10 });
  const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  fc.assert(
    fc.property(image, image, fc.constantFrom(...numbers), fc.nat(0xfff), (a, b, operation, control) => {
      const bytes = new Uint8Array(4 + 2 * 40 + 30);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, 2, true);
      bytes.set(a, 4 + 24);
      bytes.set(b, 4 + 34);
      view.setUint8(84, operation);
      view.setUint16(84 + 2, control, true);
      view.setUint16(84 + 6, 1, true);
      const recording = readRecording(bytes);
      const trial = new Trial(recording, recording.vectors[0]);
      instructions[operations[operation]](trial);
      const { sign, exponent, hi, lo } = trial.first;
      const normal = exponent === 0 || hi >= 0x8000_0000 || (exponent === trial.st0.exponent && hi === trial.st0.hi);
      return sign >>> 1 === 0 && exponent >>> 15 === 0 && hi >>> 0 === hi && lo >>> 0 === lo && normal;
    }),
    { numRuns: 3000 },
  );
  t.pass();
});
