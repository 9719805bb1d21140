/** Moves, extensions, addresses, conditional moves and sets, and what moves flags. */
import { flagBits, regions } from '../machine.ts';
import { hex, type Size, type Template } from '../snippet.ts';
import { all, conditions } from './flags.ts';

const sizes = [8, 16, 32, 64] as const;
const wordSizes = [16, 32, 64] as const;

const extend = (name: 'movzx' | 'movsx'): Template => ({
  name,
  share: 2,
  make(s) {
    const from = s.random.pick([8, 16] as const);
    const to: Size = from === 8 ? s.size(16, 32, 64) : s.size(32, 64);
    const source = s.operand(from, 'read').text;
    s.emit(`${name} ${s.register(to)}, ${source}`);
  },
});

export const templates: Template[] = [
  {
    name: 'mov',
    share: 5,
    make(s) {
      const size = s.size(...sizes);
      switch (s.random.below(8)) {
        case 0:
          return s.emit(`${s.random.pick(['', '{load} '])}mov ${s.register(size)}, ${s.register(size, 'read')}`);
        case 1:
        case 2: {
          const memory = s.memory(size / 8);
          return s.emit(`mov ${s.register(size)}, ${memory}`);
        }
        case 3:
          return s.emit(`mov ${s.memory(size / 8)}, ${s.register(size, 'read')}`);
        case 4:
          return s.emit(`mov ${s.memory(size / 8)}, ${s.immediate(size)}`);
        case 5:
          return s.emit(`mov ${s.register(size)}, ${s.immediate(size)}`);
        case 6:
          return s.mode === 64
            ? s.emit(`movabs ${s.register(64)}, ${hex(s.random.integer(64))}`)
            : s.emit(`mov ${s.register(32)}, ${hex(s.random.integer(32))}`);
        default: {
          const address = regions.data.base + s.random.below(0x1f00);
          s.patch(address, s.contents(size / 8));
          const name = s.mode === 64 ? 'movabs' : 'mov';
          const place = `ds:${hex(address)}`;
          if (s.random.chance(0.5)) return s.emit(`${name} ${s.claim(0, size)}, ${place}`);
          return s.emit(`${name} ${place}, ${s.claim(0, size)}`);
        }
      }
    },
  },
  ...(['movzx', 'movsx'] as const).map(extend),
  {
    name: 'movsxd',
    make(s) {
      if (s.mode === 32) return;
      const source = s.operand(32, 'read').text;
      s.emit(`movsxd ${s.register(64)}, ${source}`);
    },
  },
  { name: 'lea', share: 3, make: s => s.emit(`lea ${s.register(s.size(...wordSizes))}, ${s.expression()}`) },
  {
    name: 'xlat',
    make(s) {
      const address = regions.data.base + s.random.below(0x1e00);
      const index = s.random.below(256);
      s.claim(0, 8, BigInt(index));
      s.claim(3, 64, BigInt(address));
      s.patch(address + index, s.contents(1));
      s.emit('xlat');
    },
  },
  ...Object.entries(conditions).flatMap(([condition, reads]): Template[] => [
    {
      name: `set${condition}`,
      share: 0.5,
      make: s => s.emit(`set${condition} ${s.operand(8, 'write').text}`, { reads }),
    },
    {
      name: `cmov${condition}`,
      share: 0.6,
      make(s) {
        const size = s.size(...wordSizes);
        const source = s.operand(size, 'read').text;
        s.emit(`cmov${condition} ${s.register(size)}, ${source}`, { reads });
      },
    },
  ]),
  ...['cbw', 'cwde', 'cdqe', 'cwd', 'cdq', 'cqo'].map(
    (name): Template => ({
      name,
      share: 0.6,
      make(s) {
        if (s.mode === 32 && (name === 'cdqe' || name === 'cqo')) return;
        const size = s.size(8, 16, 32, 64);
        s.claim(0, size);
        if (name.startsWith('c') && name.length === 3 && name !== 'cbw') s.claim(2);
        s.emit(name);
      },
    }),
  ),
  {
    name: 'lahf',
    make(s) {
      s.claim(0);
      s.emit('lahf', { reads: all & ~flagBits.of });
    },
  },
  {
    name: 'sahf',
    make(s) {
      s.claim(0);
      s.emit('sahf', { writes: all & ~flagBits.of });
    },
  },
  {
    name: 'nop',
    share: 0.7,
    make(s) {
      if (s.random.chance(0.4))
        return s.emit(
          s.random.pick(['nop', 'pause', 'lfence', 'mfence', 'sfence', '.byte 0x66, 0x90', 'fnop', 'endbr64']),
        );
      if (s.random.chance(0.5))
        return s.emit(`nop ${s.expression().replace(/^/, s.random.pick(['word ptr ', 'dword ptr ']))}`);
      s.emit(
        `${s.random.pick(['prefetcht0', 'prefetcht1', 'prefetcht2', 'prefetchnta', 'prefetchw'])} byte ptr ${s.expression()}`,
      );
    },
  },
];
