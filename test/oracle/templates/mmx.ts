/** Integer vectors: the instructions that MMX has, on MMX and on XMM registers. */
import { regions } from '../machine.ts';
import type { Snippet, Template } from '../snippet.ts';
import { mm, mmOrMemory, vectorBytes, vectorMemory, xmm, xmmOrMemory } from './vector.ts';

const binary = [
  ...['packsswb', 'packssdw', 'packuswb', 'punpckhbw', 'punpckhwd', 'punpckhdq'],
  ...['paddb', 'paddw', 'paddd', 'paddq', 'paddsb', 'paddsw', 'paddusb', 'paddusw'],
  ...['psubb', 'psubw', 'psubd', 'psubq', 'psubsb', 'psubsw', 'psubusb', 'psubusw'],
  ...[
    'pmullw',
    'pmulhw',
    'pmulhuw',
    'pmuludq',
    'pmaddwd',
    'pavgb',
    'pavgw',
    'pmaxub',
    'pmaxsw',
    'pminub',
    'pminsw',
    'psadbw',
  ],
  ...['pand', 'pandn', 'por', 'pxor', 'pcmpeqb', 'pcmpeqw', 'pcmpeqd', 'pcmpgtb', 'pcmpgtw', 'pcmpgtd'],
];
const interleaveLow = ['punpcklbw', 'punpcklwd', 'punpckldq'];
const shifts = ['psllw', 'pslld', 'psllq', 'psrlw', 'psrld', 'psrlq', 'psraw', 'psrad'];

/** Draws MMX or XMM; a source in memory is read before the target is chosen, as the target may be part of it. */
const either = (s: Snippet, name: string, mmBytes = 8): void => {
  if (s.random.chance(0.45)) {
    const source = mmOrMemory(s, mmBytes);
    s.emit(`${name} ${mm(s)}, ${source}`);
    return;
  }
  const source = xmmOrMemory(s, 'int');
  s.emit(`${name} ${xmm(s, 'int')}, ${source}`);
};

const shift = (name: string): Template => ({
  name,
  make(s) {
    const narrow = s.random.chance(0.45);
    const target = narrow ? mm(s) : xmm(s, 'int');
    if (s.random.chance(0.5)) return s.emit(`${name} ${target}, ${s.random.below(s.random.chance(0.8) ? 70 : 256)}`);
    // Counts are whole quadwords: mostly small ones, from memory.
    const value = s.random.chance(0.8) ? BigInt(s.random.below(70)) : s.random.integer(64);
    if (s.random.chance(0.2)) return s.emit(`${name} ${target}, ${narrow ? mm(s) : xmm(s, 'int')}`);
    const padding = narrow ? 0n : s.random.bits(64) << 64n;
    s.emit(`${name} ${target}, ${s.memory(narrow ? 8 : 16, { value: value | padding, align: 16 })}`);
  },
});

const masked = (s: Snippet, wide: boolean): void => {
  const address = regions.data.base + s.random.below(0x1f00);
  const [source, mask] = wide ? [xmm(s, 'int'), xmm(s, 'int')] : [mm(s), mm(s)];
  s.claim(7, s.mode, BigInt(address));
  s.patch(address, vectorBytes(s, 'int', wide ? 16 : 8));
  s.emit(`${wide ? 'maskmovdqu' : 'maskmovq'} ${source}, ${mask}`);
};

export const templates: Template[] = [
  ...binary.map((name): Template => ({ name, make: s => either(s, name) })),
  ...interleaveLow.map((name): Template => ({ name, make: s => either(s, name, 4) })),
  ...['punpcklqdq', 'punpckhqdq'].map(
    (name): Template => ({
      name,
      make(s) {
        const source = xmmOrMemory(s, 'int');
        s.emit(`${name} ${xmm(s, 'int')}, ${source}`);
      },
    }),
  ),
  ...shifts.map(shift),
  ...['pslldq', 'psrldq'].map(
    (name): Template => ({ name, make: s => s.emit(`${name} ${xmm(s, 'int')}, ${s.random.below(20)}`) }),
  ),
  {
    name: 'movd',
    share: 2,
    make(s) {
      const register = s.random.chance(0.5) ? mm(s) : xmm(s, 'int');
      const bits = s.size(32, 64);
      const name = bits === 64 ? 'movq' : 'movd';
      if (s.random.chance(0.5)) return s.emit(`${name} ${register}, ${s.operand(bits, 'read').text}`);
      s.emit(`${name} ${s.operand(bits, 'write').text}, ${register}`);
    },
  },
  {
    name: 'movq',
    share: 2,
    make(s) {
      const narrow = s.random.chance(0.5);
      const register = narrow ? mm(s) : xmm(s, 'int');
      if (s.random.chance(0.4)) return s.emit(`movq ${register}, ${narrow ? mm(s) : xmm(s, 'int')}`);
      if (s.random.chance(0.5)) return s.emit(`movq ${register}, ${vectorMemory(s, 'int', 8)}`);
      s.emit(`movq ${vectorMemory(s, 'int', 8)}, ${register}`);
    },
  },
  { name: 'movq2dq', make: s => s.emit(`movq2dq ${xmm(s, 'int')}, ${mm(s)}`) },
  { name: 'movdq2q', make: s => s.emit(`movdq2q ${mm(s)}, ${xmm(s, 'int')}`) },
  {
    name: 'emms',
    make(s) {
      if (s.random.chance(0.5)) s.emit(`pxor ${mm(s)}, ${mm(s)}`);
      mm(s);
      s.emit('emms');
    },
  },
  { name: 'pshufw', make: s => s.emit(`pshufw ${mm(s)}, ${mmOrMemory(s)}, ${s.random.below(256)}`) },
  ...['pshufd', 'pshufhw', 'pshuflw'].map(
    (name): Template => ({
      name,
      make(s) {
        const source = xmmOrMemory(s, 'int');
        s.emit(`${name} ${xmm(s, 'int')}, ${source}, ${s.random.below(256)}`);
      },
    }),
  ),
  {
    name: 'pinsrw',
    share: 1.5,
    make(s) {
      const register = s.random.chance(0.5) ? mm(s) : xmm(s, 'int');
      const source = s.random.chance(0.5) ? s.register(32, 'read') : s.memory(2);
      s.emit(`pinsrw ${register}, ${source}, ${s.random.below(16)}`);
    },
  },
  {
    name: 'pextrw',
    share: 1.5,
    make: s =>
      s.emit(`pextrw ${s.register(32)}, ${s.random.chance(0.5) ? mm(s) : xmm(s, 'int')}, ${s.random.below(16)}`),
  },
  {
    name: 'pmovmskb',
    make: s => s.emit(`pmovmskb ${s.register(32)}, ${s.random.chance(0.5) ? mm(s) : xmm(s, 'int')}`),
  },
  { name: 'movntq', make: s => s.emit(`movntq ${vectorMemory(s, 'int', 8)}, ${mm(s)}`) },
  { name: 'maskmovq', make: s => masked(s, false) },
  { name: 'maskmovdqu', make: s => masked(s, true) },
];
