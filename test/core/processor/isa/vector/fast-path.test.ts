/**
 * Plain WebAssembly arithmetic against the helpers, which the recordings vouch for: with the precision flag set the fast way is open, without
 * it for exact results. Results and flags must be the same.
 */
import test from 'ava';
import type { State } from '../../../../oracle/case.ts';
import { codeBase, fxOffsets, initialFx } from '../../../../oracle/machine.ts';
import { Random } from '../../../../oracle/random.ts';
import { engines } from '../../../../support/engines.ts';
import { helping } from '../../../../support/evaluator.ts';

const precisionFlag = 0x20;
const quiet = 0x1f80;

/** Target XMM0, source XMM1; general registers are RAX. */
const operations: Readonly<Record<string, readonly [bytes: string, type: 'single' | 'double' | 'integer']>> = {
  addps: ['0f58c1', 'single'],
  subps: ['0f5cc1', 'single'],
  mulps: ['0f59c1', 'single'],
  divps: ['0f5ec1', 'single'],
  sqrtps: ['0f51c1', 'single'],
  addpd: ['660f58c1', 'double'],
  subpd: ['660f5cc1', 'double'],
  mulpd: ['660f59c1', 'double'],
  divpd: ['660f5ec1', 'double'],
  sqrtpd: ['660f51c1', 'double'],
  addss: ['f30f58c1', 'single'],
  mulss: ['f30f59c1', 'single'],
  divss: ['f30f5ec1', 'single'],
  sqrtss: ['f30f51c1', 'single'],
  addsd: ['f20f58c1', 'double'],
  subsd: ['f20f5cc1', 'double'],
  mulsd: ['f20f59c1', 'double'],
  divsd: ['f20f5ec1', 'double'],
  sqrtsd: ['f20f51c1', 'double'],
  cvtsd2ss: ['f20f5ac1', 'double'],
  cvtdq2ps: ['0f5bc1', 'integer'],
  cvtps2dq: ['660f5bc1', 'single'],
  cvttps2dq: ['f30f5bc1', 'single'],
  'cvtsd2si eax': ['f20f2dc1', 'double'],
  'cvtsd2si rax': ['f2480f2dc1', 'double'],
  'cvttsd2si eax': ['f20f2cc1', 'double'],
  'cvttsd2si rax': ['f2480f2cc1', 'double'],
  'cvtss2si rax': ['f3480f2dc1', 'single'],
  'cvttss2si eax': ['f30f2cc1', 'single'],
  'cvtsi2sd rax': ['f2480f2ac0', 'integer'],
  'cvtsi2ss rax': ['f3480f2ac0', 'integer'],
  'cvtsi2ss eax': ['f30f2ac0', 'integer'],
};

const limits = [
  0,
  1,
  0.5,
  1.5,
  2.5,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 31 - 0.5,
  2 ** 63,
  2 ** -126,
  2 ** -149,
  2 ** -1022,
  2 ** 127,
  1e308,
  Infinity,
];

function fill(view: DataView, at: number, type: string, random: Random): void {
  const number = (): number => {
    const kind = random.below(10);
    // Short numbers make exact results, long ones none.
    const magnitude =
      kind < 3
        ? random.pick(limits)
        : kind < 6
          ? random.below(1 << random.between(2, 16)) * 2 ** random.between(-4, 4)
          : kind < 8
            ? Number(random.bits(53)) * 2 ** (random.below(60) - 80)
            : (random.below(1 << 24) + 1) * 2 ** (random.below(60) - 40);
    return random.chance(0.5) ? magnitude : -magnitude;
  };
  const largest = [0x7fff_ffff_7fff_ffffn, 0x7fff_ffff_ffff_ffffn, 0xffff_ffff_ffff_ffffn, 0x7fff_ffc0_0000_0003n];
  if (type === 'integer' && random.chance(0.2)) view.setBigUint64(at, random.pick(largest), true);
  else if (type === 'integer') view.setBigUint64(at, random.bits(random.pick([8, 24, 31, 52, 64])), true);
  else if (type === 'double') for (const place of [at, at + 8]) view.setFloat64(place, number(), true);
  else for (const place of [0, 4, 8, 12]) view.setFloat32(at + place, number(), true);
}

const engine = engines.find(({ name }) => name === 'interpreter') ?? engines[0];

for (const [name, [hex, type]] of Object.entries(operations)) {
  test(`${name}: the fast way and the slow way agree`, t => {
    const random = new Random(name.length * 1000 + hex.length);
    const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
    for (let round = 0; round < 100; round++) {
      const fx = initialFx();
      const view = new DataView(fx.buffer);
      fill(view, fxOffsets.xmm, type, random);
      fill(view, fxOffsets.xmm + 16, type, random);
      const gpr = new BigUint64Array(16);
      gpr[0] = view.getBigUint64(fxOffsets.xmm, true);
      for (const mxcsr of [quiet, quiet | precisionFlag]) {
        new DataView(fx.buffer).setUint32(fxOffsets.mxcsr, mxcsr, true);
        const [found, expected] = [engine, helping].map(({ run }) => {
          const before: State = { gpr: gpr.slice(), rip: BigInt(codeBase), rflags: 0x202, fx: fx.slice() };
          const { after, fault } = run({ bytes, mode: 64, before, memory: [] });
          const status = new DataView(after.fx.buffer).getUint32(fxOffsets.mxcsr, true);
          const vectors = Buffer.from(after.fx.slice(fxOffsets.xmm, fxOffsets.xmm + 32)).toString('hex');
          return { vectors, status, rax: after.gpr[0], rflags: after.rflags, fault };
        });
        t.deepEqual(found, expected, Buffer.from(fx.slice(fxOffsets.xmm, fxOffsets.xmm + 32)).toString('hex'));
      }
    }
  });
}
