/** Encodings that GNU as never chooses: second names of instructions, hints, and what the manuals leave out. As bytes. */
import { regions } from '../machine.ts';
import type { FlagUse, Snippet, Template } from '../snippet.ts';
import { arithmetic, carrying, counting, logic, multiply } from './flags.ts';
import { chooseFloat } from './float.ts';
import { effect } from './shift.ts';
import { vectorBytes, xmm } from './vector.ts';

const codes = 0x4700;
const c1 = 0x200;

const emit = (s: Snippet, bytes: readonly number[], use: FlagUse = {}): void =>
  s.emit(`.byte ${bytes.map(byte => `0x${byte.toString(16)}`).join(', ')}`, use);

/** ModRM of a register other than CL and the stack's, or of a place in the data pages with random contents. */
const place = (s: Snippet, reg: number, bytes: number, kind: 'register' | 'memory'): number[] => {
  if (kind === 'register') {
    const number = s.random.pick([0, 2, 3, 6, 7]);
    s.claim(number, s.mode);
    return [0xc0 | (reg << 3) | number];
  }
  const address = regions.data.base + s.random.below(0x1f00);
  s.patch(address, s.contents(bytes));
  const displacement = [0, 8, 16, 24].map(shift => (address >>> shift) & 0xff);
  return s.mode === 64 ? [(reg << 3) | 4, 0x25, ...displacement] : [(reg << 3) | 5, ...displacement];
};

const either = (s: Snippet): 'register' | 'memory' => (s.random.chance(0.5) ? 'register' : 'memory');

/** 66 or REX.W for an operand size. */
const sizePrefix = (size: number): number[] => (size === 16 ? [0x66] : size === 64 ? [0x48] : []);

/** Extension 6 of the shift groups is SHL once more. */
const shiftLeft: Template = {
  name: 'sal',
  share: 4,
  make(s) {
    const size = s.size(8, 16, 32, 64);
    const wide = size === 8 ? 0 : 1;
    const form = s.random.below(3);
    if (form === 0)
      return emit(s, [...sizePrefix(size), 0xd0 | wide, ...place(s, 6, size / 8, either(s))], effect('shl', size, 1));
    const count = s.random.below(size + 2);
    if (form === 1) {
      const operand = place(s, 6, size / 8, either(s));
      return emit(s, [...sizePrefix(size), 0xc0 | wide, ...operand, count], effect('shl', size, count));
    }
    s.claim(1, 8, BigInt(count));
    emit(s, [...sizePrefix(size), 0xd2 | wide, ...place(s, 6, size / 8, either(s))], effect('shl', size, count));
  },
};

const test: Template = {
  name: 'test',
  share: 2,
  make(s) {
    const size = s.size(8, 16, 32, 64);
    const operand = place(s, 1, size / 8, either(s));
    const immediate = Array.from({ length: Math.min(size / 8, 4) }, () => s.random.below(256));
    emit(s, [...sizePrefix(size), size === 8 ? 0xf6 : 0xf7, ...operand, ...immediate], logic);
  },
};

const immediate = (s: Snippet, bytes: number): number[] => Array.from({ length: bytes }, () => s.random.below(256));

/** Both directions and all immediates of the eight operations (ADD OR ADC SBB AND SUB XOR CMP). */
const alu: Template = {
  name: 'alu',
  share: 24,
  make(s) {
    const row = s.random.below(8);
    const use = row === 2 || row === 3 ? carrying : row === 1 || row === 4 || row === 6 ? logic : arithmetic;
    const size = s.size(8, 16, 32, 64);
    const wide = size === 8 ? 0 : 1;
    const prefix = sizePrefix(size);
    const reg = s.random.pick([0, 1, 2, 3]);
    const whole = Math.min(size / 8, 4);
    const form = s.random.below(5);
    if (form < 2) {
      s.claim(reg, s.mode);
      return emit(s, [...prefix, row * 8 + form * 2 + wide, ...place(s, reg, size / 8, either(s))], use);
    }
    if (form === 2) {
      s.claim(0, size);
      return emit(s, [...prefix, row * 8 + 4 + wide, ...immediate(s, whole)], use);
    }
    const operand = place(s, row, size / 8, either(s));
    if (form === 3) return emit(s, [...prefix, 0x80 + wide, ...operand, ...immediate(s, whole)], use);
    const byte = s.mode === 32 && size === 8 ? 0x82 : 0x83;
    if (size === 8 && s.mode === 64) return;
    emit(s, [...prefix, byte, ...operand, ...immediate(s, 1)], use);
  },
};

/** All rows of the groups of shifts and rotates, by each kind of count. */
const shifts: Template = {
  name: 'shift',
  share: 20,
  make(s) {
    const row = s.random.pick([0, 1, 2, 3, 4, 5, 7]);
    const name = ['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', '', 'sar'][row];
    const size = s.size(8, 16, 32, 64);
    const wide = size === 8 ? 0 : 1;
    const form = s.random.below(3);
    const count = form === 0 ? 1 : s.random.below(size + 2);
    if (form === 2) s.claim(1, 8, BigInt(count));
    const operand = place(s, row, size / 8, either(s));
    const opcode = [0xd0, 0xc0, 0xd2][form] | wide;
    emit(s, [...sizePrefix(size), opcode, ...operand, ...(form === 1 ? [count] : [])], effect(name, size, count));
  },
};

/** Register operands where GNU as takes a shorter way, and the rest of groups 3 to 5. */
const groups: Template = {
  name: 'groups',
  share: 16,
  make(s) {
    const size = s.size(16, 32, 64);
    const prefix = sizePrefix(size);
    const bytes = size / 8;
    const kind = either(s);
    switch (s.random.below(7)) {
      case 0:
        return emit(s, [0xc6, ...place(s, 0, 1, kind), ...immediate(s, 1)]);
      case 1:
        return emit(s, [...prefix, 0xc7, ...place(s, 0, bytes, kind), ...immediate(s, Math.min(bytes, 4))]);
      case 2:
        return emit(s, [...prefix, 0xff, ...place(s, s.random.below(2), bytes, kind)], counting);
      case 3:
        return emit(s, [0xff, ...place(s, 6, s.mode / 8, kind)]);
      case 4:
        return emit(s, [0x8f, ...place(s, 0, s.mode / 8, kind)]);
      case 5:
        return emit(s, [...prefix, 0x6b, ...place(s, 0, bytes, 'memory'), ...immediate(s, 1)], multiply);
      default:
        return emit(s, [...prefix, 0x0f, 0x1f, ...place(s, 0, bytes, kind)]);
    }
  },
};

/** Shift counts in vector registers, and moves of quadwords as general registers would make them. */
const vectors: Template = {
  name: 'vector',
  share: 6,
  make(s) {
    const [target, source] = [s.random.below(8), s.random.below(8)];
    const wide = s.random.chance(0.5);
    const prefix = wide ? [0x66] : [];
    for (const register of [target, source]) {
      const value = vectorBytes(s, 'int', 16);
      if (register === source && s.random.chance(0.8)) value.fill(0, 1);
      s.setFx((wide ? 160 : 32) + register * 16, value.subarray(0, wide ? 16 : 8));
    }
    const form = s.random.below(4);
    if (form === 0) return emit(s, [...prefix, 0x0f, 0x7f, 0xc0 | (source << 3) | target]);
    if (form === 1 && s.mode === 64)
      return emit(s, [...prefix, 0x48, 0x0f, s.random.pick([0x6e, 0x7e]), ...place(s, target, 8, 'memory')]);
    const opcode = s.random.pick([0xd1, 0xd2, 0xd3, 0xe1, 0xe2, 0xf1, 0xf2, 0xf3]);
    emit(s, [...prefix, 0x0f, opcode, 0xc0 | (target << 3) | source]);
  },
};

const cacheLines: Template = {
  name: 'clflush, clwb',
  make: s => s.emit(`${s.random.pick(['clflush', 'clflushopt', 'clwb'])} ${s.memory(1)}`),
};

const float = (name: string, opcode: number, extension: number, status: FlagUse): Template => ({
  name,
  make(s) {
    chooseFloat(s);
    s.status(status);
    emit(s, [opcode, 0xc0 | (extension << 3) | s.random.below(8)]);
  },
});

const rounding: FlagUse = { undefined: codes & ~c1, writes: c1 };

/** What the 8087 and the 80287 needed. */
const relics: Template = {
  name: 'fneni, fndisi, fnsetpm',
  make(s) {
    chooseFloat(s);
    s.status({ undefined: codes });
    emit(s, [0xdb, s.random.pick([0xe0, 0xe1, 0xe4])]);
  },
};

const hints: Template = {
  name: 'nop',
  share: 12,
  make(s) {
    const reg = s.random.below(8);
    const opcode = s.random.pick([0x0d, 0x18, 0x18, 0x18, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e]);
    const kind = opcode === 0x0d ? 'memory' : either(s);
    emit(s, [...sizePrefix(s.size(16, 32, 64)), 0x0f, opcode, ...place(s, reg, 8, kind)]);
  },
};

const fences: Template = {
  name: 'fence',
  share: 8,
  make: s => emit(s, [0x0f, 0xae, 0xe8 + s.random.below(24)]),
};

const landingPad: Template = { name: 'endbr32', make: s => emit(s, [0xf3, 0x0f, 0x1e, 0xfb]) };

const undefinedOne: Template = {
  name: 'ud1',
  alone: true,
  make: s => emit(s, [0x0f, 0xb9, ...place(s, s.random.below(8), 8, either(s))]),
};

/** MOVQ from a register to a register as a store, and MOVQ and MOVD with sizes of their own. */
const quadwords: Template = {
  name: 'movq',
  make(s) {
    const [target, source] = [s.random.below(8), s.random.below(8)];
    xmm(s, 'int');
    s.setFx(160 + source * 16, vectorBytes(s, 'int', 16));
    emit(s, [0x66, 0x0f, 0xd6, 0xc0 | (source << 3) | target]);
  },
};

const segments: Template = {
  name: 'mov sreg',
  share: 2,
  make(s) {
    const name = s.random.pick(['cs', 'ss', 'ds', 'es']);
    const form = s.random.below(3);
    if (form === 0) return s.emit(`mov ${s.register(s.size(16, 32, 64))}, ${name}`);
    if (form === 1) return s.emit(`mov ${s.memory(2)}, ${name}`);
    const selector = s.random.pick([0, 1, 2, 3, 0x2b, 0x2b, 0x7f8, 0xfff0]);
    if (s.random.chance(0.5)) return s.emit(`mov es, ${s.claim(0, 16, BigInt(selector))}`);
    s.emit(`mov es, ${s.memory(2, { value: BigInt(selector) })}`);
  },
};

/** The user has no business with these. */
const privileged: Template = {
  name: 'privileged',
  share: 20,
  alone: true,
  make(s) {
    const wide = s.mode === 64 ? 'rax' : 'eax';
    const place = s.memory(16, { safe: true }).replace('xmmword ptr ', '');
    s.emit(
      s.random.pick([
        ...[
          'hlt',
          'cli',
          'sti',
          'in al, 0x61',
          'in eax, 0x61',
          'in al, dx',
          'in ax, dx',
          'out 0x61, al',
          'out 0x61, ax',
        ],
        ...['out dx, al', 'out dx, eax', 'insb', 'insw', 'insd', 'outsb', 'outsw', 'outsd', 'clts', 'invd', 'wbinvd'],
        ...['rdmsr', 'wrmsr', 'lldt ax', 'ltr ax', 'lmsw ax', `lgdt ${place}`, `lidt ${place}`, `invlpg ${place}`],
        ...[`lldt word ptr ${place}`, `ltr word ptr ${place}`, `lmsw word ptr ${place}`],
        ...[
          `mov ${wide}, cr0`,
          `mov cr3, ${wide}`,
          `mov ${wide}, dr7`,
          `mov dr0, ${wide}`,
          `invpcid ${wide}, ${place}`,
        ],
        ...['int 0x20', 'int 0x0e', 'int 0x81', 'int 0xff', 'monitor', 'mwait', 'rsm'],
      ]),
    );
  },
};

export const templates: Template[] = [
  alu,
  shifts,
  groups,
  vectors,
  cacheLines,
  shiftLeft,
  test,
  float('fcom', 0xdc, 2, { writes: codes }),
  float('fcomp', 0xdc, 3, { writes: codes }),
  float('fxch', 0xdd, 1, rounding),
  float('fcomp', 0xde, 2, { writes: codes }),
  float('ffreep', 0xdf, 0, { undefined: codes }),
  float('fxch', 0xdf, 1, rounding),
  float('fstp', 0xdf, 2, rounding),
  float('fstp', 0xdf, 3, rounding),
  float('fstpnce', 0xd9, 3, rounding),
  relics,
  hints,
  fences,
  landingPad,
  undefinedOne,
  quadwords,
  segments,
  privileged,
];
