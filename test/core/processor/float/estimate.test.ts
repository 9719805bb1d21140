/** RCPSS and RSQRTSS of all exponents, signs and high bits of fractions, low bits as they come: what an Intel Xeon (family 6, model 207) answered. */
import { createHash } from 'node:crypto';
import test from 'ava';
import {
  estimateReciprocal,
  estimateReciprocalRoot,
  intelReciprocal,
  intelReciprocalRoot,
} from '../../../../core/processor/float/estimate.ts';

const count = 2 ** 19;
const operands = Int32Array.from({ length: count }, (_, n) => (n << 13) | (Math.imul(n, 0x9e37_79b1) >>> 19));

/** Of the answers in memory, recorded by a loop over RCPSS or RSQRTSS in C. */
const digest = (estimate: (bits: number) => number): string =>
  createHash('sha1')
    .update(new Uint8Array(operands.map(estimate).buffer))
    .digest('hex');

test('Intel’s estimates, bit by bit', t => {
  t.is(digest(intelReciprocal), 'ea9c45269be177efb1b988cae713141d11d36445');
  t.is(digest(intelReciprocalRoot), '6b38edd34393b4af47bcb26fb2cf4db35962b2ce');
});

const view = new DataView(new ArrayBuffer(4));
const single = (bits: number): number => {
  view.setInt32(0, bits);
  return view.getFloat32(0);
};

test('all estimates keep the manuals’ bound where the result is a normal number', t => {
  const pairs = [
    [estimateReciprocal, (value: number) => 1 / value],
    [intelReciprocal, (value: number) => 1 / value],
    [estimateReciprocalRoot, (value: number) => 1 / Math.sqrt(value)],
    [intelReciprocalRoot, (value: number) => 1 / Math.sqrt(value)],
  ] as const;
  for (const [estimate, exact] of pairs) {
    let worst = 0;
    for (const bits of operands) {
      const [value, found] = [single(bits), single(estimate(bits))];
      if (!Number.isFinite(value) || Math.abs(value) < 2 ** -126) continue;
      const truth = exact(value);
      if (Number.isNaN(truth)) t.is(estimate(bits), 0xffc0_0000 | 0);
      else if (Math.abs(truth) >= 2 ** -126) worst = Math.max(worst, Math.abs(found / truth - 1));
      else if (found !== 0) t.fail(`${value}`);
    }
    t.true(worst <= 1.5 * 2 ** -12, `${worst}`);
  }
});
