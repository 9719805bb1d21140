/** Jumps, calls, loops and deliberate faults, all within the snippet. */
import { codeBase, flagBits } from '../machine.ts';
import { hex, type Snippet, type Template } from '../snippet.ts';
import { conditions } from './flags.ts';

/** Something that shows whether it was executed, without touching flags. */
const mark = (s: Snippet): string => {
  const size = s.size(32, 64);
  return `mov ${s.register(size)}, ${s.random.between(1, 1000)}`;
};

const acrossMark = (s: Snippet, jump: string, reads = 0): void => {
  s.emit(jump, { reads });
  s.emit(mark(s));
  s.emit(`1: ${mark(s)}`);
};

const nearJump = (s: Snippet): string => s.random.pick(['', '{disp32} ']);

const indirect = (s: Snippet, name: 'jmp' | 'call'): void => {
  const register = s.register(s.mode);
  s.emit(s.mode === 64 ? `lea ${register}, [rip + 1f]` : `mov ${register}, offset 1f - 7777b + ${hex(codeBase)}`);
  if (s.random.chance(0.5)) {
    s.emit(`${name} ${register}`);
  } else {
    const memory = s.memory(s.mode / 8, { safe: true });
    s.emit(`mov ${memory}, ${register}`);
    s.emit(`${name} ${memory}`);
  }
  s.emit(mark(s));
  s.emit(`1: ${mark(s)}`);
};

export const templates: Template[] = [
  ...Object.entries(conditions).map(
    ([condition, reads]): Template => ({
      name: `j${condition}`,
      share: 0.6,
      alone: true,
      make: s => acrossMark(s, `${nearJump(s)}j${condition} 1f`, reads),
    }),
  ),
  {
    name: 'jmp',
    alone: true,
    make: s => (s.random.chance(0.4) ? acrossMark(s, `${nearJump(s)}jmp 1f`) : indirect(s, 'jmp')),
  },
  {
    name: 'loop',
    share: 3,
    alone: true,
    make(s) {
      const name = s.random.pick(['loop', 'loope', 'loopne']);
      const width = s.random.chance(0.3) ? (s.mode === 64 ? 32 : 16) : s.mode;
      const prefix = width === s.mode ? '' : s.mode === 64 ? 'addr32 ' : 'addr16 ';
      s.claim(1, width === 16 ? 16 : width, BigInt(s.random.between(1, 7)));
      s.emit(`1: ${s.random.pick(['inc', 'dec', 'neg'])} ${s.register(s.size(8, 32))}`, { writes: 0x8d4 });
      s.emit(`${prefix}${name} 1b`, { reads: name === 'loop' ? 0 : flagBits.zf });
    },
  },
  {
    name: 'jrcxz',
    share: 8,
    alone: true,
    make(s) {
      const narrow = s.random.chance(0.5);
      const width = s.mode === 64 ? (narrow ? 32 : 64) : narrow ? 16 : 32;
      s.claim(1, width, s.random.chance(0.5) ? 0n : s.random.integer(width));
      acrossMark(s, `${{ 64: 'jrcxz', 32: 'jecxz', 16: 'jcxz' }[width]} 1f`);
    },
  },
  {
    name: 'call',
    share: 2,
    alone: true,
    make(s) {
      if (s.random.chance(0.4)) return indirect(s, 'call');
      s.emit('call 1f');
      s.emit('jmp 2f');
      s.emit(`1: ${mark(s)}`);
      s.emit(s.random.chance(0.5) ? 'ret' : `ret ${s.random.pick([0, 8, 16, 64])}`);
      s.emit(`2: ${mark(s)}`);
    },
  },
  {
    name: 'faults',
    share: 4,
    alone: true,
    make(s) {
      const invalid = s.random.pick([
        'ud2',
        'int3',
        '.byte 0xf0, 0x01, 0xc0',
        '.byte 0xf0, 0x8b, 0x00',
        '.byte 0x0f, 0xff',
        '.byte 0xf0, 0x90',
      ]);
      const notIn64 = [
        '.byte 0x06',
        '.byte 0x27',
        '.byte 0x37',
        '.byte 0x60',
        '.byte 0xce',
        '.byte 0xd4, 0x0a',
        '.byte 0x82, 0xc0, 0x01',
      ];
      s.emit(s.mode === 64 && s.random.chance(0.4) ? s.random.pick(notIn64) : invalid);
    },
  },
];
