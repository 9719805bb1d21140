/** x87: everything, under random control words, on stacks of random depth. */
import { approximate, ordinaryExtended, randomDouble, randomExtended, randomSingle } from '../floats.ts';
import { flagBits, fxOffsets, regions } from '../machine.ts';
import { littleEndian } from '../random.ts';
import type { FlagUse, Snippet, Template } from '../snippet.ts';
import { all, conditions } from './flags.ts';

const c0 = 0x100;
const c1 = 0x200;
const c2 = 0x400;
const c3 = 0x4000;
const codes = c0 | c1 | c2 | c3;

/** Only C1 means something: rounded up, or which way the stack overflowed. */
const rounding: FlagUse = { undefined: c0 | c2 | c3, writes: c1 };
const comparison: FlagUse = { writes: codes };
const nothing: FlagUse = { undefined: codes };

const controlWord = (s: Snippet, unmasked = 0.2): number => {
  const { random } = s;
  const precision = random.chance(0.7) ? 3 : random.pick([0, 2]);
  const direction = random.chance(0.5) ? 0 : random.below(4);
  const masks = random.chance(unmasked) ? random.below(64) : 63;
  return 0x40 | (direction << 10) | (precision << 8) | masks;
};

const statusWord = (s: Snippet, control: number): number => {
  const { random } = s;
  const top = random.chance(0.4) ? 0 : random.below(8);
  let flags = random.chance(0.3) ? random.below(0x80) : 0;
  if (!random.chance(0.15)) flags &= control | 0x40;
  const pending = flags & ~control & 0x3f ? 0x8080 : 0;
  return (random.word() & codes) | (top << 11) | flags | pending;
};

export const chooseFloat = (s: Snippet, masked = false): void => {
  if (s.fxChosen) return;
  s.fxChosen = true;
  const control = controlWord(s, masked ? 0 : 0.2);
  const status = statusWord(s, control);
  const top = (status >> 11) & 7;
  const depth = s.random.pick([0, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8]);
  s.setControlWord(control);
  s.setStatusWord(status);
  let tags = 0;
  for (let i = 0; i < depth; i++) {
    tags |= 1 << ((top + i) & 7);
    setRegister(s, i, randomExtended(s.random));
  }
  s.setFx(fxOffsets.ftw, Uint8Array.of(tags));
};

const setRegister = (s: Snippet, index: number, value: bigint): void =>
  s.setFx(fxOffsets.st + index * 16, littleEndian(value, 10));

const registerValue = (s: Snippet, index: number): bigint => {
  const view = new DataView(s.before.fx.buffer, fxOffsets.st + index * 16);
  return view.getBigUint64(0, true) | (BigInt(view.getUint16(8, true)) << 64n);
};

const emit = (s: Snippet, line: string, use: FlagUse, flags: FlagUse = {}): void => {
  s.status(use);
  s.emit(line, flags);
};

const plain = (name: string, use: FlagUse, share = 1): Template => ({
  name,
  share,
  make(s) {
    chooseFloat(s);
    emit(s, name, use);
    // A pending exception only shows when the next instruction waits for it.
    if (s.random.chance(0.12)) emit(s, 'fwait', nothing);
  },
});

const st = (s: Snippet): string => `st(${s.random.below(s.random.chance(0.8) ? 4 : 8)})`;

const realMemory = (s: Snippet, bytes: 4 | 8 | 10): string => {
  const make = { 4: randomSingle, 8: randomDouble, 10: randomExtended }[bytes];
  return s.memory(bytes, { value: littleEndian(make(s.random), bytes) });
};

const packedDecimal = (s: Snippet): Uint8Array => {
  const out = new Uint8Array(10);
  const digits = s.random.below(19);
  for (let i = 0; i < digits; i++) out[i >> 1] |= s.random.below(10) << ((i & 1) * 4);
  out[9] = s.random.chance(0.5) ? 0x80 : 0;
  return out;
};

const arithmetic = (name: string): Template => ({
  name,
  share: 4,
  make(s) {
    chooseFloat(s);
    const form = s.random.below(6);
    if (form === 0) return emit(s, `f${name} st, ${st(s)}`, rounding);
    if (form === 1) return emit(s, `f${name} ${st(s)}, st`, rounding);
    if (form === 2) return emit(s, `f${name}p ${st(s)}, st`, rounding);
    if (form === 3) return emit(s, `f${name} ${realMemory(s, 4)}`, rounding);
    if (form === 4) return emit(s, `f${name} ${realMemory(s, 8)}`, rounding);
    emit(s, `fi${name} ${s.memory(s.random.pick([2, 4]))}`, rounding);
  },
});

const compare = (name: string): Template => ({
  name,
  share: 2,
  make(s) {
    chooseFloat(s);
    if (name.endsWith('pp')) return emit(s, name, comparison);
    if (name.startsWith('ficom')) return emit(s, `${name} ${s.memory(s.random.pick([2, 4]))}`, comparison);
    if (name.includes('comi')) return emit(s, `${name} st, ${st(s)}`, { writes: c1 }, { writes: all });
    if (name.startsWith('fcom') && s.random.chance(0.5))
      return emit(s, `${name} ${realMemory(s, s.random.pick([4, 8]))}`, comparison);
    emit(s, `${name} ${st(s)}`, comparison);
  },
});

/** Transcendental: alone, since its last bit would spread. The operands stay where processors agree. */
const transcendental = (
  name: string,
  inRange: (x: number, y: number) => boolean,
  lowest: number,
  limit: number,
): Template => ({
  name,
  share: 2,
  alone: true,
  make(s) {
    if (s.fxChosen) return;
    chooseFloat(s, true);
    const { random } = s;
    if (random.chance(0.75)) {
      setRegister(s, 0, ordinaryExtended(random, lowest, limit));
      const top = (s.before.fx[fxOffsets.fsw + 1] >> 3) & 7;
      s.before.fx[fxOffsets.ftw] |= 1 << top;
      if (random.chance(0.8)) {
        setRegister(s, 1, ordinaryExtended(random, -20, 20));
        s.before.fx[fxOffsets.ftw] |= 1 << ((top + 1) & 7);
      }
    }
    s.precision = inRange(approximate(registerValue(s, 0)), approximate(registerValue(s, 1)))
      ? 'ulp'
      : 'implementation';
    emit(s, name, {
      undefined: c0 | c1 | c3,
      writes: name === 'fptan' || name.startsWith('fsin') || name === 'fcos' ? c2 : 0,
    });
    if (!/^f(sin|cos|ptan)/.test(name)) s.status({ undefined: c2 });
  },
});

const near = (x: number): boolean => Math.abs(x) <= 1;

const remainder = (name: 'fprem' | 'fprem1'): Template => ({
  name,
  share: 4,
  make(s) {
    const fresh = !s.fxChosen;
    chooseFloat(s);
    if (fresh && s.random.chance(0.8)) {
      setRegister(s, 0, ordinaryExtended(s.random, -4, 30));
      setRegister(s, 1, ordinaryExtended(s.random, -4, 10));
    }
    emit(s, name, { writes: codes });
    // How far one step of an unfinished reduction goes is the processor's choice.
    s.reviews.push(made => {
      const status = made.after.fx[fxOffsets.fsw + 1] << 8;
      return status & c2 ? { precision: 'implementation' } : {};
    });
  },
});

const { data } = regions;

/** An image of the x87 state in memory; the part that says where the last instruction was is the processor's. */
const environmentPlace = (s: Snippet, bytes: number): number =>
  data.base + s.random.below(0x1000) + (bytes > 200 ? 0x100 : 0);

const environment = (s: Snippet, name: string): void => {
  chooseFloat(s, true);
  const short = s.random.chance(0.25);
  const whole = name === 'fnsave' || name === 'frstor';
  const header = short ? 14 : 28;
  const address = environmentPlace(s, header + 80);
  const value = new Uint8Array(header + (whole ? 80 : 0));
  if (name.startsWith('fn')) {
    s.ignored.push({ address: address + (short ? 6 : 12), length: short ? 8 : 16 });
    s.status({ reads: codes });
  } else {
    const step = short ? 2 : 4;
    const view = new DataView(value.buffer);
    const control = controlWord(s, 0.05);
    view.setUint16(0, control, true);
    view.setUint16(step, statusWord(s, control), true);
    view.setUint16(step * 2, s.random.word() & 0xffff, true);
    for (let i = 0; whole && i < 8; i++) value.set(littleEndian(randomExtended(s.random), 10), header + i * 10);
  }
  const memory = s.memory(value.length, { address, value });
  emit(s, `${short ? 'data16 ' : ''}${name} ${memory}`, name.startsWith('fn') ? {} : { writes: codes });
};

const fxImage = (s: Snippet, name: string): void => {
  chooseFloat(s, true);
  for (let i = 0; i < 4; i++) s.setFx(fxOffsets.xmm + s.random.below(16) * 16, littleEndian(s.random.bits(128), 16));
  const address = (environmentPlace(s, 512) & ~15) + (s.random.chance(0.05) ? 4 : 0);
  const value = new Uint8Array(512);
  if (name.startsWith('fxrstor')) {
    const control = controlWord(s, 0);
    const view = new DataView(value.buffer);
    view.setUint16(fxOffsets.fcw, control, true);
    view.setUint16(fxOffsets.fsw, statusWord(s, control), true);
    value[fxOffsets.ftw] = s.random.below(256);
    view.setUint32(fxOffsets.mxcsr, s.random.word() & (s.random.chance(0.1) ? 0x1ffff : 0xffff), true);
    for (let i = 0; i < 8; i++) value.set(littleEndian(randomExtended(s.random), 10), fxOffsets.st + i * 16);
    for (let i = 0; i < 16; i++) value.set(littleEndian(s.random.bits(128), 16), fxOffsets.xmm + i * 16);
  } else {
    s.status({ reads: codes });
    for (const [from, length] of [
      [5, 19],
      [28, 4],
      [fxOffsets.end, 96],
    ] as const)
      s.ignored.push({ address: address + from, length });
    for (let i = 0; i < 8; i++) s.ignored.push({ address: address + fxOffsets.st + i * 16 + 10, length: 6 });
  }
  emit(s, `${name} ${s.memory(512, { address, value })}`, name.startsWith('fxrstor') ? { writes: codes } : {});
};

const store = (name: string, sizes: readonly number[]): Template => ({
  name,
  share: sizes.length,
  make(s) {
    chooseFloat(s);
    if (name.startsWith('fst') && s.random.chance(0.2)) return emit(s, `${name} ${st(s)}`, rounding);
    emit(s, `${name} ${s.memory(s.random.pick(sizes))}`, rounding);
  },
});

export const templates: Template[] = [
  ...['add', 'sub', 'subr', 'mul', 'div', 'divr'].map(arithmetic),
  ...[
    'fcom',
    'fcomp',
    'fcompp',
    'fucom',
    'fucomp',
    'fucompp',
    'fcomi',
    'fcomip',
    'fucomi',
    'fucomip',
    'ficom',
    'ficomp',
  ].map(compare),
  ...['fsqrt', 'frndint', 'fscale', 'fxtract'].map(name => plain(name, rounding, 3)),
  ...['fabs', 'fchs', 'fincstp', 'fdecstp'].map(name => plain(name, rounding)),
  ...['fld1', 'fldl2t', 'fldl2e', 'fldpi', 'fldlg2', 'fldln2', 'fldz'].map(name => plain(name, rounding)),
  ...['fxam', 'ftst'].map(name => plain(name, comparison, 3)),
  ...['fnclex', 'fwait'].map(name => plain(name, nothing)),
  plain('fninit', { writes: codes }),
  {
    name: 'fld',
    share: 5,
    make(s) {
      chooseFloat(s);
      emit(s, `fld ${s.random.chance(0.25) ? st(s) : realMemory(s, s.random.pick([4, 8, 10]))}`, rounding);
    },
  },
  {
    name: 'fild',
    share: 3,
    make(s) {
      chooseFloat(s);
      emit(s, `fild ${s.memory(s.random.pick([2, 4, 8]))}`, rounding);
    },
  },
  {
    name: 'fbld',
    share: 2,
    make(s) {
      chooseFloat(s);
      emit(s, `fbld ${s.memory(10, { value: packedDecimal(s) })}`, rounding);
    },
  },
  ...(
    [
      ['fst', [4, 8]],
      ['fstp', [4, 8, 10]],
      ['fist', [2, 4]],
      ['fistp', [2, 4, 8]],
      ['fisttp', [2, 4, 8]],
      ['fbstp', [10, 10]],
    ] as const
  ).map(([name, sizes]) => store(name, sizes)),
  {
    name: 'fxch',
    make(s) {
      chooseFloat(s);
      emit(s, `fxch ${st(s)}`, rounding);
    },
  },
  {
    name: 'ffree',
    make(s) {
      chooseFloat(s);
      emit(s, `ffree ${st(s)}`, nothing);
    },
  },
  {
    name: 'fnstsw',
    share: 1.5,
    make(s) {
      chooseFloat(s);
      emit(s, s.random.chance(0.6) ? `fnstsw ${s.claim(0, 16)}` : `fnstsw ${s.memory(2)}`, { reads: codes });
    },
  },
  {
    name: 'fnstcw',
    make(s) {
      chooseFloat(s);
      emit(s, `fnstcw ${s.memory(2)}`, nothing);
    },
  },
  {
    name: 'fldcw',
    share: 1.5,
    make(s) {
      chooseFloat(s);
      const memory = s.memory(2, { value: BigInt(controlWord(s)) });
      emit(s, `fldcw ${memory}`, nothing);
    },
  },
  ...['b', 'e', 'be', 'u', 'nb', 'ne', 'nbe', 'nu'].map(
    (condition): Template => ({
      name: `fcmov${condition}`,
      make(s) {
        chooseFloat(s);
        const tested = condition.replace('n', '');
        emit(s, `fcmov${condition} st, ${st(s)}`, rounding, {
          reads: tested === 'u' ? flagBits.pf : conditions[tested],
        });
      },
    }),
  ),
  ...(['fprem', 'fprem1'] as const).map(remainder),
  transcendental('f2xm1', near, -20, -1),
  transcendental('fyl2x', x => x > 0, -10, 20),
  transcendental('fyl2xp1', x => Math.abs(x) < 0.29, -20, -3),
  transcendental('fptan', near, -20, 1),
  transcendental('fpatan', () => true, -10, 10),
  ...['fsin', 'fcos', 'fsincos'].map(name => transcendental(name, near, -20, 1)),
  ...['fnstenv', 'fldenv', 'fnsave', 'frstor'].map((name): Template => ({ name, make: s => environment(s, name) })),
  ...['fxsave', 'fxsave64', 'fxrstor', 'fxrstor64'].map(
    (name): Template => ({ name, share: 0.5, make: s => fxImage(s, name) }),
  ),
];
