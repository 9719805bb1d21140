/** What 64-bit mode took away: decimal arithmetic, PUSHA, BOUND, INTO, segment loads, 16-bit addresses. For 32-bit code. */
import { flagBits, flagsFloor, regions, selectors } from '../machine.ts';
import { littleEndian } from '../random.ts';
import { hex, type Snippet, type Template } from '../snippet.ts';
import { all, arithmetic, type carrying, logic } from './flags.ts';

const { cf, pf, af, zf, sf, of } = flagBits;

type Use = typeof carrying;

const onAx = (name: string, use: Use, bytes = ''): Template => ({
  name,
  share: 2,
  make(s) {
    s.claim(0, s.random.chance(0.3) ? 8 : 16);
    s.emit(bytes || name, use);
  },
});

const adjust = (name: 'aam' | 'aad'): Template => ({
  name,
  share: 3,
  make(s) {
    s.claim(0, 16);
    const base = s.random.chance(0.5) ? 10 : s.random.chance(0.1) ? 0 : s.random.below(256);
    s.emit(`${name} ${base}`, { writes: all, undefined: of | af | cf });
  },
});

/** BX or BP, SI or DI, a displacement: what 16-bit ModR/M can say. */
export const shortAddress = (s: Snippet, bytes: number): string => {
  const { random } = s;
  const target = regions.low.base + random.below(regions.low.size - 16);
  s.patch(target, s.contents(bytes));
  const junk = () => random.bits(16) << 16n;
  const wrapped = (value: number) => BigInt(value & 0xffff);
  const width = { 1: 'byte', 2: 'word', 4: 'dword', 8: 'qword' }[bytes];
  const base = random.pick([3, 5, undefined]);
  const index = base === undefined ? random.pick([6, 7]) : random.pick([6, 7, undefined]);
  const displacement = random.pick([0, random.between(-128, 127), random.between(-0x8000, 0x7fff)]);
  const second = random.word() & 0xffff;
  const both = base !== undefined && index !== undefined;
  if (index !== undefined) s.claim(index, 32, junk() | wrapped(both ? second : target - displacement));
  if (base !== undefined)
    s.claim(base, 32, junk() | wrapped(both ? target - displacement - second : target - displacement));
  const names = [base, index].filter(part => part !== undefined).map(part => s.name(part, 16));
  const tail = displacement ? ` ${displacement < 0 ? '-' : '+'} ${hex(Math.abs(displacement))}` : '';
  return `${width} ptr [${names.join(' + ')}${tail}]`;
};

const shortOperand: Template = {
  name: '16-bit address',
  share: 16,
  make(s) {
    const size = s.size(8, 16, 32);
    const text = shortAddress(s, size / 8);
    const form = s.random.below(5);
    const register = () => s.register(size, 'read');
    if (form === 0) return s.emit(`mov ${s.claim(s.random.pick([0, 1, 2]), size)}, ${text}`);
    if (form === 1) return s.emit(`mov ${text}, ${register()}`);
    if (form === 2) return s.emit(`${s.random.pick(['add', 'sub', 'cmp'])} ${text}, ${register()}`, arithmetic);
    if (form === 3) return s.emit(`${s.random.pick(['and', 'or', 'xor'])} ${text}, ${s.immediate(size)}`, logic);
    s.emit(`lea ${s.claim(s.random.pick([0, 1, 2]), s.size(16, 32))}, ${text.replace(/^\w+ ptr /, '')}`);
  },
};

const shortString: Template = {
  name: '16-bit string addresses',
  share: 4,
  make(s) {
    const { random } = s;
    if (random.chance(0.4)) s.rflags |= flagBits.df;
    const size = random.pick([1, 2, 4]);
    const junk = () => random.bits(16) << 16n;
    const place = () => BigInt(regions.low.base + 0x100 + random.below(0xd00));
    for (const index of [6, 7]) {
      const at = place();
      s.claim(index, 32, junk() | at);
      s.patch(Number(at) - 32, s.contents(64));
    }
    s.claim(1, 32, junk() | BigInt(random.below(12)));
    s.claim(0);
    const name = random.pick(['movs', 'stos', 'lods', 'scas', 'cmps']);
    const compares = name === 'scas' || name === 'cmps';
    const suffix = { 1: 'b', 2: 'w', 4: 'd' }[size];
    s.emit(`addr16 ${random.pick(compares ? ['repe ', 'repne '] : ['rep ', ''])}${name}${suffix}`, {});
  },
};

const bound = (s: Snippet): void => {
  const size = s.random.pick([16, 32] as const);
  const low = BigInt.asIntN(size, s.random.integer(size));
  const high = BigInt.asIntN(size, s.random.integer(size));
  const [a, b] = s.random.chance(0.8) && low > high ? [high, low] : [low, high];
  const inside = a + (b > a ? s.random.bits(32) % (b - a + 1n) : 0n);
  const value = s.random.chance(0.5) ? inside : s.random.pick([a, b, a - 1n, b + 1n, s.random.integer(size)]);
  const pair = BigInt.asUintN(size, a) | (BigInt.asUintN(size, b) << BigInt(size));
  const memory = s.memory(size / 4, { value: pair }).replace(/^\w+ ptr /, '');
  s.emit(`bound ${s.register(size, 'read', BigInt.asUintN(size, value))}, ${memory}`);
};

const { ds } = selectors[32];
const selector = (s: Snippet): number => s.random.pick([ds, ds, ds, 0, 0x33 - 8]);

export const templates: Template[] = [
  ...['aaa', 'aas'].map(name => onAx(name, { reads: af, writes: all, undefined: of | sf | zf | pf })),
  ...['daa', 'das'].map(name => onAx(name, { reads: af | cf, writes: all, undefined: of })),
  ...(['aam', 'aad'] as const).map(adjust),
  onAx('salc', { reads: cf }, '.byte 0xd6'),
  shortOperand,
  shortString,
  { name: 'bound', share: 4, make: bound },
  { name: 'into', share: 1.5, make: s => s.emit('into', { reads: of }) },
  {
    name: 'arpl',
    share: 3,
    make(s) {
      const target = s.operand(16, 'write').text;
      s.emit(`arpl ${target}, ${s.register(16, 'read')}`, { writes: zf });
    },
  },
  {
    name: 'pusha',
    share: 2,
    make(s) {
      s.register(32, 'read');
      s.emit(s.random.pick(['pusha', 'pushaw']));
      s.stackMoved = true;
    },
  },
  {
    name: 'popa',
    share: 2,
    alone: true,
    make(s) {
      if (s.stackMoved) return;
      s.patch(s.stackTop, s.contents(32));
      s.emit(s.random.pick(['popa', 'popaw']));
      s.stackMoved = true;
    },
  },
  {
    name: 'push segment',
    share: 2,
    make(s) {
      s.emit(`push ${s.random.pick(['cs', 'ss', 'ds', 'es'])}`);
      s.stackMoved = true;
    },
  },
  {
    name: 'pop segment',
    share: 2,
    alone: true,
    make(s) {
      if (s.stackMoved) return;
      s.patch(s.stackTop, littleEndian(BigInt(selector(s)), 4));
      const name = s.random.pick(['ds', 'es']);
      s.emit(`pop ${name}`);
      s.emit(`mov ${s.register(32)}, ${name}`);
    },
  },
  {
    name: 'far pointer',
    share: 3,
    alone: true,
    make(s) {
      const name = s.random.pick(['ds', 'es']);
      const pointer = s.random.bits(32) | (BigInt(selector(s)) << 32n);
      const memory = s.memory(6, { value: pointer });
      s.emit(`l${name} ${s.register(32)}, ${memory}`);
      s.emit(`mov ${s.register(32)}, ${name}`);
    },
  },
  {
    name: 'mov segment',
    share: 2,
    alone: true,
    make(s) {
      const name = s.random.pick(['ds', 'es']);
      s.emit(`mov ${name}, ${s.register(16, 'read', BigInt(selector(s)))}`);
      s.emit(`mov ${s.random.chance(0.5) ? s.register(32) : s.register(16)}, ${name}`);
    },
  },
  ...['inc', 'dec'].map(
    (name): Template => ({
      name,
      share: 3,
      make: s => s.emit(`${name} ${s.register(s.random.pick([16, 32]))}`, { writes: all & ~cf }),
    }),
  ),
  {
    name: 'opcode 82',
    share: 2,
    make(s) {
      const target = s.random.below(8);
      s.claim(target & 3, 32);
      s.emit(`.byte 0x82, ${hex(0xc0 + s.random.below(8) * 8 + target)}, ${hex(s.random.below(256))}`, {
        reads: cf,
        writes: all,
        undefined: af,
      });
    },
  },
  {
    name: 'popf',
    share: 1,
    make(s) {
      if (s.stackMoved) return;
      const value = flagsFloor | (s.random.word() & (all | flagBits.df));
      s.patch(s.stackTop, littleEndian(BigInt(value), 4));
      s.emit('popfd', { writes: all });
      s.stackMoved = true;
    },
  },
];
