/** What AMD's and Intel's processors do differently (`vendorDependent` in core/processor/isa, and a row of NOP): mostly how far an instruction got before it faulted. */
import { flagBits, fxOffsets, regions } from '../machine.ts';
import { littleEndian } from '../random.ts';
import { hex, type Size, type Snippet, type Template } from '../snippet.ts';
import { chooseFloat } from './float.ts';
import { mm } from './vector.ts';

const end = regions.data.base + regions.data.size;

/** Nearly always somewhere that faults, at once or on the way. */
const wrongPlace = (s: Snippet, bytes: number): bigint => {
  const { random } = s;
  const kind = random.below(10);
  if (kind === 0) return BigInt(regions.data.base + random.below(0x1000));
  if (kind < 4) return BigInt(end - random.below(bytes + 1));
  if (kind < 6 && s.mode === 64) return random.pick([1n << 47n, 1n << 63n]);
  return BigInt(end + random.below(0x1000));
};

const suffixes = { 8: 'b', 16: 'w', 32: 'd', 64: 'q' } as const;

/** Junk above a counter or a pointer of 32 bits. */
const junk = (s: Snippet, width: number): bigint => (width < s.mode ? s.random.bits(32) << 32n : 0n);

/** Runs into the end of a page, or does nothing at all. */
const repeated = (name: 'movs' | 'stos' | 'lods' | 'scas' | 'cmps'): Template => ({
  name: `rep ${name}`,
  share: 2,
  make(s) {
    const { random } = s;
    const size: Size = s.size(8, 16, 32, 64);
    const compares = name === 'scas' || name === 'cmps';
    const width = s.mode === 64 && random.chance(compares ? 0.4 : 0.8) ? 32 : s.mode;
    const down = random.chance(0.2);
    if (s.lines.length === 0) s.rflags = (s.rflags & ~flagBits.df) | (down ? flagBits.df : 0);
    s.claim(1, s.mode, junk(s, width) | (random.chance(0.4) ? 0n : BigInt(random.between(1, 40))));
    const step = size / 8;
    for (const index of [6, 7]) {
      const start = random.chance(0.5)
        ? regions.data.base + 0x400 + random.below(0x800)
        : down
          ? regions.data.base + random.below(12) * step
          : end - random.below(12) * step - random.below(2);
      s.claim(index, s.mode, junk(s, width) | BigInt(start));
    }
    const equal = random.chance(0.5);
    s.claim(0, 64, equal ? 0n : random.integer(64));
    // Memory is zero but for an element here and there.
    if (random.chance(0.4)) s.patch(end - random.below(16) - 8, s.contents(step));
    const prefix = compares ? random.pick(['repe', 'repne']) : 'rep';
    s.emit(`${width < s.mode ? 'addr32 ' : ''}${prefix} ${name}${suffixes[size]}`);
  },
});

const unmasked = (s: Snippet): void => {
  chooseFloat(s);
  const view = new DataView(s.before.fx.buffer);
  s.setControlWord(0x340 | (s.random.below(4) << 10) | (s.random.chance(0.7) ? s.random.below(64) : 63));
  s.setStatusWord(view.getUint16(fxOffsets.fsw, true) & 0x7f00);
};

const stores: readonly (readonly [name: string, ...bytes: number[]])[] = [
  ['fst', 4, 8],
  ['fstp', 4, 8, 10],
  ['fist', 2, 4],
  ['fistp', 2, 4, 8],
  ['fisttp', 2, 4, 8],
  ['fbstp', 10],
];
const pointer: Readonly<Record<number, string>> = { 2: 'word', 4: 'dword', 8: 'qword', 10: 'tbyte' };

const mmxStores: readonly ((s: Snippet) => void)[] = [
  s => s.emit(`movq qword ptr ${s.address(wrongPlace(s, 8))}, ${mm(s)}`),
  s => s.emit(`movd dword ptr ${s.address(wrongPlace(s, 4))}, ${mm(s)}`),
  s => s.emit(`movntq qword ptr ${s.address(wrongPlace(s, 8))}, ${mm(s)}`),
  s => {
    s.claim(7, s.mode, wrongPlace(s, 8));
    s.emit(`maskmovq ${mm(s)}, ${mm(s)}`);
  },
  s => s.emit(`paddb ${mm(s)}, qword ptr ${s.address(wrongPlace(s, 8))}`),
];

export const templates: Template[] = [
  ...(['movs', 'stos', 'lods', 'scas', 'cmps'] as const).map(repeated),
  ...stores.map(
    ([name, ...sizes]): Template => ({
      name,
      make(s) {
        unmasked(s);
        const bytes = s.random.pick(sizes);
        s.emit(`${name} ${pointer[bytes]} ptr ${s.address(wrongPlace(s, bytes))}`);
      },
    }),
  ),
  ...['fsin', 'fcos', 'fsincos', 'fptan'].map(
    (name): Template => ({
      name,
      make(s) {
        const { random } = s;
        unmasked(s);
        // Up to 2^-68, and no farther.
        const exponent = random.chance(0.3) ? random.below(3) : random.below(0x3fbb);
        const significand = random.chance(0.3) ? 1n << BigInt(random.below(64)) : random.bits(64);
        const top = (s.before.fx[fxOffsets.fsw + 1] >> 3) & 7;
        s.before.fx[fxOffsets.ftw] |= 1 << top;
        s.setFx(fxOffsets.st, littleEndian(exponent === 0 ? significand : significand | (1n << 63n), 8));
        s.setFx(fxOffsets.st + 8, littleEndian(BigInt(exponent | (random.below(2) << 15)), 2));
        s.emit(name);
      },
    }),
  ),
  { name: 'prefetch', make: s => s.emit(`.byte 0x0f, 0x0d, ${hex(s.random.between(0xc0, 0xff))}`) },
  { name: 'mmx', share: 3, make: s => s.random.pick(mmxStores)(s) },
];

/** In 32-bit code there are two more. */
export const legacyTemplates: Template[] = [
  ...templates,
  {
    name: 'bound',
    share: 3,
    make(s) {
      const { random } = s;
      const size = random.pick([16, 32] as const);
      const at = end - random.below(size / 4 + 1);
      if (at < end) s.patch(at, s.contents(end - at));
      s.emit(`bound ${s.register(size, 'read')}, ${s.address(BigInt(at))}`);
    },
  },
  {
    name: 'push segment',
    share: 3,
    make(s) {
      if (s.stackMoved) return;
      const { base, size } = regions.stack;
      const edge = s.random.pick([0, size]);
      const top = s.random.chance(0.5) ? s.stackTop : base + edge + s.random.between(-2, 6);
      s.before.gpr[4] = BigInt(top);
      for (let at = top - 4; at < top; at++)
        if (at >= base && at < base + size) s.patch(at, littleEndian(s.random.bits(8), 1));
      s.emit(`push ${s.random.pick(['cs', 'ss', 'ds', 'es', 'fs', 'gs'])}`);
      s.stackMoved = true;
    },
  },
];
