/** The eight of the ALU block, TEST, INC … NOT, exchanges, multiplication and division. */
import { flagBits } from '../machine.ts';
import { hex, type Size, type Snippet, type Template } from '../snippet.ts';
import { arithmetic, carrying, counting, divide, logic, multiply } from './flags.ts';

const sizes = [8, 16, 32, 64] as const;

/** Memory that LOCK can be used on: aligned, as split locks are slow or forbidden. */
const lockable = (s: Snippet, size: Size): { text: string; lock: string } => {
  const lock = s.random.chance(0.2);
  return { text: s.memory(size / 8, lock ? { align: 16 } : {}), lock: lock ? 'lock ' : '' };
};

const twoOperands = (name: string, flags: typeof arithmetic, writes = true): Template => ({
  name,
  share: 2,
  make(s) {
    const size = s.size(...sizes);
    const access = writes ? 'write' : 'read';
    const use = flags;
    switch (s.random.below(6)) {
      case 0:
        return s.emit(
          `${s.random.pick(['', '{load} '])}${name} ${s.register(size, access)}, ${s.register(size, 'read')}`,
          use,
        );
      case 1:
        return s.emit(`${name} ${s.register(size, access)}, ${s.immediate(size)}`, use);
      case 2:
        return s.emit(`${name} ${s.claim(0, size)}, ${s.immediate(size)}`, use);
      case 3: {
        if (name === 'test') return s.emit(`test ${s.memory(size / 8)}, ${s.register(size, 'read')}`, use);
        const memory = s.memory(size / 8);
        return s.emit(`${name} ${s.register(size, access)}, ${memory}`, use);
      }
      case 4: {
        const { text, lock } = writes ? lockable(s, size) : { text: s.memory(size / 8), lock: '' };
        return s.emit(`${lock}${name} ${text}, ${s.register(size, 'read')}`, use);
      }
      default: {
        const { text, lock } = writes ? lockable(s, size) : { text: s.memory(size / 8), lock: '' };
        return s.emit(`${lock}${name} ${text}, ${s.immediate(size)}`, use);
      }
    }
  },
});

const oneOperand = (name: string, flags: typeof arithmetic): Template => ({
  name,
  make(s) {
    const size = s.size(...sizes);
    if (s.random.chance(0.5)) return s.emit(`${name} ${s.register(size)}`, flags);
    const { text, lock } = lockable(s, size);
    s.emit(`${lock}${name} ${text}`, flags);
  },
});

const exchange = (name: 'xchg' | 'xadd' | 'cmpxchg'): Template => ({
  name,
  share: 1.5,
  make(s) {
    const size = s.size(...sizes);
    const use = name === 'xchg' ? {} : arithmetic;
    const expected = name === 'cmpxchg' ? s.random.integer(size) : undefined;
    if (expected !== undefined) s.claim(0, size, expected);
    const found = expected !== undefined && s.random.chance(0.5) ? { value: expected } : {};
    const source = s.register(size);
    if (s.random.chance(0.4)) return s.emit(`${name} ${s.register(size, 'write', found.value)}, ${source}`, use);
    const lock = s.random.chance(0.2);
    s.emit(
      `${lock ? 'lock ' : ''}${name} ${s.memory(size / 8, { ...found, align: lock || name === 'xchg' ? 16 : 1 })}, ${source}`,
      use,
    );
  },
});

const exchangeWide = (name: 'cmpxchg8b' | 'cmpxchg16b'): Template => ({
  name,
  make(s) {
    if (name === 'cmpxchg16b' && s.mode === 32) return s.emit('nop');
    const size = name === 'cmpxchg8b' ? 32 : 64;
    const half = BigInt(size);
    const low = s.random.integer(size);
    const high = s.random.integer(size);
    s.claim(0, size, low);
    s.claim(2, size, high);
    s.claim(1, size);
    s.claim(3, size);
    const equal = s.random.chance(0.5) ? { value: (high << half) | low } : {};
    const memory = s.memory(size / 4, { ...equal, align: s.random.chance(0.9) ? 16 : 1 }).replace(/^\w+ ptr /, '');
    s.emit(`${s.random.chance(0.3) && s.mode === 64 ? 'lock ' : ''}${name} ${memory}`, { writes: flagBits.zf });
  },
});

const widening = (name: 'mul' | 'imul'): Template => ({
  name,
  share: 2,
  make(s) {
    const size = s.size(...sizes);
    s.claim(0, size);
    if (size > 8) s.claim(2, size);
    s.emit(`${name} ${s.operand(size, 'read').text}`, multiply);
  },
});

const imulForms: Template = {
  name: 'imul',
  share: 2,
  make(s) {
    const size = s.size(16, 32, 64);
    const source = s.operand(size, 'read').text;
    const target = s.register(size);
    if (s.random.chance(0.4)) return s.emit(`imul ${target}, ${source}`, multiply);
    s.emit(`imul ${target}, ${source}, ${s.immediate(size)}`, multiply);
  },
};

/** Mostly chosen from quotient and remainder, so that it does not fault; sometimes anything. */
const division = (name: 'div' | 'idiv'): Template => ({
  name,
  share: 3,
  make(s) {
    const { random } = s;
    const size = s.size(...sizes);
    const signed = name === 'idiv';
    let divisor = random.integer(size);
    let dividend = random.integer(size * 2);
    if (random.chance(0.75)) {
      if (divisor === 0n) divisor = 3n;
      const as = (value: bigint) => (signed ? BigInt.asIntN(size, value) : value);
      const magnitude = as(divisor) < 0n ? -as(divisor) : as(divisor);
      const remainder = random.bits(size) % magnitude;
      const product = as(divisor) * as(random.integer(size));
      dividend = product + (signed && product < 0n ? -remainder : remainder);
    }
    const half = BigInt(size);
    if (size === 8) {
      s.claim(0, 16, BigInt.asUintN(16, dividend));
    } else {
      s.claim(0, size, BigInt.asUintN(size, dividend));
      s.claim(2, size, BigInt.asUintN(size, dividend >> half));
    }
    s.emit(`${name} ${s.operand(size, 'read', { value: divisor }).text}`, divide);
  },
});

export const templates: Template[] = [
  ...['add', 'sub', 'cmp'].map(name => twoOperands(name, arithmetic, name !== 'cmp')),
  ...['adc', 'sbb'].map(name => twoOperands(name, carrying)),
  ...['and', 'or', 'xor', 'test'].map(name => twoOperands(name, logic, name !== 'test')),
  ...['inc', 'dec'].map(name => oneOperand(name, counting)),
  oneOperand('neg', arithmetic),
  oneOperand('not', {}),
  ...(['xchg', 'xadd', 'cmpxchg'] as const).map(exchange),
  ...(['cmpxchg8b', 'cmpxchg16b'] as const).map(exchangeWide),
  ...(['mul', 'imul'] as const).map(widening),
  imulForms,
  ...(['div', 'idiv'] as const).map(division),
  {
    name: 'carry flag',
    share: 3,
    make(s) {
      const name = s.random.pick(['clc', 'stc', 'cmc', 'cld', 'std']);
      const { cf } = flagBits;
      s.emit(name, name === 'cmc' ? { reads: cf } : name.endsWith('c') ? { writes: cf } : {});
    },
  },
  {
    name: 'immediates of full width',
    make(s) {
      // The assembler shortens immediates; a 66, 81 or 69 with a small one must be spelled out.
      const row = s.random.below(8);
      const value = s.random.between(-128, 127);
      const bytes = [0, 8, 16, 24].map(shift => hex((value >> shift) & 0xff)).join(', ');
      s.claim(0, 32);
      s.claim(1, 32);
      s.emit(`.byte 0x81, ${hex(0xc0 + row * 8 + s.random.below(2))}, ${bytes}`, {
        ...carrying,
        undefined: flagBits.af,
      });
    },
  },
];
