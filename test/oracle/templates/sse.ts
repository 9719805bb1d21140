/** SSE, SSE2 and SSE3 over singles and doubles: arithmetic, comparisons, conversions, moves. */
import { fxOffsets } from '../machine.ts';
import type { Snippet, Template } from '../snippet.ts';
import { all } from './flags.ts';
import {
  alignedMemory,
  chooseMxcsr,
  type Element,
  mm,
  mmOrMemory,
  randomMxcsr,
  vectorMemory,
  xmm,
  xmmOrMemory,
} from './vector.ts';

const elementOf = (name: string): Element => (/[ps]d$/.test(name) ? 'pd' : 'ps');
const bytesOf = (name: string): number => (name.endsWith('ss') ? 4 : name.endsWith('sd') ? 8 : 16);

/** Source first: a register that is both is drawn from the same well. */
const binary = (name: string, share = 1, precision?: 'estimate'): Template => ({
  name,
  share,
  alone: precision !== undefined,
  make(s) {
    chooseMxcsr(s);
    const element = elementOf(name);
    const source = xmmOrMemory(s, element, bytesOf(name));
    if (precision) s.precision = precision;
    s.emit(`${name} ${xmm(s, element)}, ${source}`);
  },
});

const arithmetic = ['add', 'sub', 'mul', 'div', 'min', 'max', 'sqrt'].flatMap(name =>
  ['ps', 'pd', 'ss', 'sd'].map(kind => binary(name + kind, 2)),
);
const bitwise = ['and', 'andn', 'or', 'xor', 'unpckl', 'unpckh'].flatMap(name => [
  binary(`${name}ps`),
  binary(`${name}pd`),
]);
const horizontal = ['addsub', 'hadd', 'hsub'].flatMap(name => [binary(`${name}ps`, 2), binary(`${name}pd`, 2)]);
const estimates = ['rcpps', 'rcpss', 'rsqrtps', 'rsqrtss'].map(name => binary(name, 1, 'estimate'));

const withImmediate = (name: string, limit: number, share: number): Template => ({
  name,
  share,
  make(s) {
    chooseMxcsr(s);
    const source = xmmOrMemory(s, elementOf(name), bytesOf(name));
    s.emit(`${name} ${xmm(s, elementOf(name))}, ${source}, ${s.random.below(limit)}`);
  },
});

const flagCompare = (name: string): Template => ({
  name,
  share: 2,
  make(s) {
    chooseMxcsr(s);
    const source = xmmOrMemory(s, elementOf(name), bytesOf(name));
    s.emit(`${name} ${xmm(s, elementOf(name))}, ${source}`, { writes: all });
  },
});

/** Source element and bytes; what the target is. */
const convert = (name: string, from: Element, bytes: number): Template => ({
  name,
  share: 2,
  make(s) {
    chooseMxcsr(s);
    const source = xmmOrMemory(s, from, bytes);
    s.emit(`${name} ${xmm(s, 'ps')}, ${source}`);
  },
});

const convertToGeneral = (name: string, from: Element, bytes: number): Template => ({
  name,
  share: 3,
  make(s) {
    chooseMxcsr(s);
    const source = xmmOrMemory(s, from, bytes);
    s.emit(`${name} ${s.register(s.size(32, 64))}, ${source}`);
  },
});

const convertFromGeneral = (name: string): Template => ({
  name,
  share: 2,
  make(s) {
    chooseMxcsr(s);
    const source = s.operand(s.size(32, 64), 'read').text;
    s.emit(`${name} ${xmm(s, 'ps')}, ${source}`);
  },
});

const move = (name: string, element: Element, aligned: boolean): Template => ({
  name,
  share: 1.5,
  make(s) {
    const memory = () => (aligned ? alignedMemory(s, element) : vectorMemory(s, element, bytesOf(name)));
    const form = s.random.below(3);
    if (form === 0) return s.emit(`${s.random.pick(['', '{store} '])}${name} ${xmm(s, element)}, ${xmm(s, element)}`);
    if (form === 1) return s.emit(`${name} ${xmm(s, element)}, ${memory()}`);
    s.emit(`${name} ${memory()}, ${xmm(s, element)}`);
  },
});

const half = (name: string, element: Element): Template => ({
  name,
  share: 1.5,
  make(s) {
    const memory = vectorMemory(s, element, 8);
    s.emit(s.random.chance(0.5) ? `${name} ${xmm(s, element)}, ${memory}` : `${name} ${memory}, ${xmm(s, element)}`);
  },
});

const storeAround = (name: string, element: Element): Template => ({
  name,
  make: s => s.emit(`${name} ${alignedMemory(s, element)}, ${xmm(s, element)}`),
});

const registers = (name: string, element: Element): Template => ({
  name,
  make: s => s.emit(`${name} ${xmm(s, element)}, ${xmm(s, element)}`),
});

const mask = (name: string, element: Element): Template => ({
  name,
  make: s => s.emit(`${name} ${s.register(32)}, ${xmm(s, element)}`),
});

const duplicate = (name: string, element: Element, bytes: number): Template => ({
  name,
  share: 1.5,
  make(s) {
    const source = xmmOrMemory(s, element, bytes);
    s.emit(`${name} ${xmm(s, element)}, ${source}`);
  },
});

const mxcsrNow = (s: Snippet): number => new DataView(s.before.fx.buffer).getUint32(fxOffsets.mxcsr, true);

const rows = <Row extends readonly unknown[]>(make: (...row: Row) => Template, table: readonly Row[]): Template[] =>
  table.map(row => make(...row));

export const templates: Template[] = [
  ...arithmetic,
  ...bitwise,
  ...horizontal,
  ...estimates,
  ...['cmpps', 'cmppd', 'cmpss', 'cmpsd'].map(name => withImmediate(name, 8, 5)),
  ...['shufps', 'shufpd'].map(name => withImmediate(name, 256, 1.5)),
  ...['comiss', 'ucomiss', 'comisd', 'ucomisd'].map(flagCompare),
  ...rows(convert, [
    ['cvtps2pd', 'ps', 8],
    ['cvtpd2ps', 'pd', 16],
    ['cvtss2sd', 'ps', 4],
    ['cvtsd2ss', 'pd', 8],
    ['cvtdq2ps', 'int', 16],
    ['cvtps2dq', 'ps', 16],
    ['cvttps2dq', 'ps', 16],
    ['cvtdq2pd', 'int', 8],
    ['cvtpd2dq', 'pd', 16],
    ['cvttpd2dq', 'pd', 16],
  ]),
  ...rows(convertToGeneral, [
    ['cvtss2si', 'ps', 4],
    ['cvttss2si', 'ps', 4],
    ['cvtsd2si', 'pd', 8],
    ['cvttsd2si', 'pd', 8],
  ]),
  ...['cvtsi2ss', 'cvtsi2sd'].map(convertFromGeneral),
  ...['cvtpi2ps', 'cvtpi2pd'].map(
    (name): Template => ({
      name,
      share: 1.5,
      make(s) {
        chooseMxcsr(s);
        const source = mmOrMemory(s);
        s.emit(`${name} ${xmm(s, 'ps')}, ${source}`);
      },
    }),
  ),
  ...(
    [
      ['cvtps2pi', 'ps', 8],
      ['cvttps2pi', 'ps', 8],
      ['cvtpd2pi', 'pd', 16],
      ['cvttpd2pi', 'pd', 16],
    ] as const
  ).map(
    ([name, from, bytes]): Template => ({
      name,
      share: 1.5,
      make(s) {
        chooseMxcsr(s);
        const source = xmmOrMemory(s, from, bytes);
        s.emit(`${name} ${mm(s)}, ${source}`);
      },
    }),
  ),
  ...rows(move, [
    ['movaps', 'ps', true],
    ['movapd', 'pd', true],
    ['movdqa', 'int', true],
    ['movups', 'ps', false],
    ['movupd', 'pd', false],
    ['movdqu', 'int', false],
    ['movss', 'ps', false],
    ['movsd', 'pd', false],
  ]),
  ...rows(half, [
    ['movlps', 'ps'],
    ['movhps', 'ps'],
    ['movlpd', 'pd'],
    ['movhpd', 'pd'],
  ]),
  ...rows(storeAround, [
    ['movntps', 'ps'],
    ['movntpd', 'pd'],
    ['movntdq', 'int'],
  ]),
  ...rows(registers, [
    ['movhlps', 'ps'],
    ['movlhps', 'ps'],
  ]),
  ...rows(mask, [
    ['movmskps', 'ps'],
    ['movmskpd', 'pd'],
  ]),
  ...rows(duplicate, [
    ['movddup', 'pd', 8],
    ['movsldup', 'ps', 16],
    ['movshdup', 'ps', 16],
  ]),
  { name: 'lddqu', make: s => s.emit(`lddqu ${xmm(s, 'int')}, ${vectorMemory(s, 'int', 16)}`) },
  {
    name: 'movnti',
    make(s) {
      const size = s.size(32, 64);
      s.emit(`movnti ${s.memory(size / 8)}, ${s.register(size, 'read')}`);
    },
  },
  {
    name: 'ldmxcsr',
    share: 1.5,
    make(s) {
      chooseMxcsr(s);
      // Reserved bits are refused with #GP.
      const value = s.random.chance(0.1) ? 0x10000 : randomMxcsr(s);
      s.emit(`ldmxcsr ${s.memory(4, { value: BigInt(value) })}`);
    },
  },
  {
    name: 'stmxcsr',
    make(s) {
      chooseMxcsr(s);
      const unchanged = BigInt(mxcsrNow(s) ^ 0xff);
      s.emit(`stmxcsr ${s.memory(4, { value: unchanged })}`);
    },
  },
  {
    name: 'exception flags',
    share: 3,
    alone: true,
    make(s) {
      // Two operations on the same operands under changed control: the flags gather.
      chooseMxcsr(s);
      const kind = s.random.pick(['ss', 'sd', 'ps', 'pd']);
      for (let i = 0; i < 2; i++) {
        const name = `${s.random.pick(['add', 'mul', 'div', 'sqrt', 'max'])}${kind}`;
        const source = xmmOrMemory(s, elementOf(kind), bytesOf(kind));
        s.emit(`${name} ${xmm(s, elementOf(kind))}, ${source}`);
      }
      s.emit(`stmxcsr ${s.memory(4)}`);
    },
  },
  {
    name: 'mixed with MMX',
    alone: true,
    make: s => s.emit(`movq ${mm(s)}, ${mm(s)}; cvtpi2ps ${xmm(s, 'ps')}, ${mm(s)}`),
  },
];
