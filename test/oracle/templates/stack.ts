/** PUSH, POP, their flag forms, ENTER and LEAVE. */
import { flagBits, flagsFloor, regions, statusFlags } from '../machine.ts';
import { hex, type Size, type Snippet, type Template } from '../snippet.ts';
import { all } from './flags.ts';

/** Puts something where the stack pointer points; only true while nothing has moved it. */
const onStack = (s: Snippet, bytes: Uint8Array): void => {
  if (s.stackMoved) return;
  s.patch(s.stackTop, bytes);
};

const wide = (s: Snippet): Size => s.mode;
const idFlag = 0x20_0000;

const savedFlags = (s: Snippet): Uint8Array => {
  const value = flagsFloor | (s.random.word() & (statusFlags | flagBits.df | idFlag));
  return new Uint8Array(new Uint32Array([value, 0]).buffer);
};

export const templates: Template[] = [
  {
    name: 'push',
    share: 3,
    make(s) {
      const size = s.random.chance(0.75) ? wide(s) : 16;
      const form = s.random.below(4);
      if (form === 0) {
        const width = size === 16 ? 'pushw' : 'push';
        s.emit(`${width} ${size === 16 ? hex(s.random.between(-0x8000, 0x7fff)) : s.immediate(64)}`);
      } else if (form === 1) {
        s.emit(`push ${s.memory(size / 8)}`);
      } else if (form === 2 && s.random.chance(0.2)) {
        s.emit(`push ${s.name(4, size)}`);
      } else {
        s.emit(`push ${s.register(size, 'read')}`);
      }
      s.stackMoved = true;
    },
  },
  {
    name: 'pop',
    share: 3,
    make(s) {
      const size = s.random.chance(0.75) ? wide(s) : 16;
      onStack(s, s.contents(8));
      if (s.random.chance(0.3)) {
        s.emit(`pop ${s.memory(size / 8)}`);
      } else if (s.random.chance(0.1) && !s.stackMoved && s.lines.length === 0) {
        s.patch(s.stackTop, new Uint8Array(new Uint32Array([regions.stack.base + s.random.below(0x800), 0]).buffer));
        s.emit(`pop ${s.name(4, wide(s))}`);
      } else {
        s.emit(`pop ${s.register(size)}`);
      }
      s.stackMoved = true;
    },
  },
  {
    name: 'rsp as operand',
    make(s) {
      const size = s.size(32, 64);
      const stack = s.name(4, wide(s));
      switch (s.random.below(3)) {
        case 0:
          s.emit(`${s.random.pick(['add', 'sub'])} ${stack}, ${s.random.between(1, 64) * 8}`, { writes: all });
          break;
        case 1:
          s.emit(`mov ${s.register(size)}, ${s.name(4, size)}`);
          break;
        default: {
          if (s.stackMoved) return;
          const offset = s.random.between(-32, 32) * 4;
          s.patch(s.stackTop + offset, s.contents(8));
          s.emit(`mov ${s.register(size)}, [${stack} ${offset < 0 ? '-' : '+'} ${hex(Math.abs(offset))}]`);
          return;
        }
      }
      s.stackMoved = true;
    },
  },
  {
    name: 'pushf',
    share: 3,
    make(s) {
      s.emit(s.random.chance(0.6) ? `pushf${s.mode === 64 ? 'q' : 'd'}` : 'pushfw', { reads: all });
      s.stackMoved = true;
    },
  },
  {
    name: 'popf',
    share: 3,
    make(s) {
      if (s.stackMoved) return;
      onStack(s, savedFlags(s));
      s.emit(s.random.chance(0.5) ? `popf${s.mode === 64 ? 'q' : 'd'}` : 'popfw', { writes: all });
      s.stackMoved = true;
    },
  },
  {
    name: 'enter',
    share: 1.5,
    make(s) {
      const level = s.random.chance(0.5) ? 0 : s.random.pick([1, 2, 3, 5, 31, 33]);
      const frame = regions.stack.base + 0x400 + s.random.below(64) * 8;
      s.claim(5, s.mode, BigInt(frame));
      if (level > 1) s.patch(frame - 0x40, s.contents(0x48));
      const prefix = s.random.chance(0.15) ? 'data16 ' : '';
      s.emit(`${prefix}enter ${s.random.below(0x200)}, ${level}`);
      s.stackMoved = true;
    },
  },
  {
    name: 'leave',
    make(s) {
      const frame = regions.stack.base + 0x400 + s.random.below(64) * 8;
      s.claim(5, s.mode, BigInt(frame));
      s.patch(frame, s.contents(8));
      s.emit(`${s.random.chance(0.15) ? 'data16 ' : ''}leave`);
      s.stackMoved = true;
    },
  },
];
