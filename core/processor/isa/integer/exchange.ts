/** XCHG, CMPXCHG, CMPXCHG8B, CMPXCHG16B (SDM vol. 2). XCHG with memory is locked always. */
import { type Value, yes } from '../../ir/value.ts';
import { flagsOfDifference } from '../flags.ts';
import { instruction } from '../instruction.ts';

export const XCHG = instruction('xchg', {
  encodings: [
    ['86', 'Eb', 'Gb'],
    ['87', 'Ev', 'Gv'],
    ['90+r', 'Zv', 'rAX'],
  ],
  lockable: true,
  semantics(_cpu, target, source) {
    const value = source!.read();
    const { before } = target!.update(() => value);
    source!.write(before);
  },
});

/** A failed comparison writes memory back, but no register other than the accumulator: upper halves stay (as AMD processors do). */
export const CMPXCHG = instruction('cmpxchg', {
  encodings: [
    ['0f b0', 'Eb', 'Gb'],
    ['0f b1', 'Ev', 'Gv'],
  ],
  lockable: true,
  semantics(cpu, target, source) {
    const accumulator = cpu.register(0, target!.width);
    const expected = accumulator.read();
    const value = source!.read();
    const before = target!.isMemory
      ? target!.update(found => found.eq(expected).select(value, found)).before
      : target!.read();
    const equal = before.eq(expected);
    accumulator.writeIf(equal.xor(yes), before);
    if (!target!.isMemory) target!.writeIf(equal, value);
    cpu.setFlags(flagsOfDifference(expected, before, expected.sub(before)));
  },
});

export const CMPXCHG8B = instruction('cmpxchg8b', {
  encodings: [['0f c7 /1 mem', 'Mq', { w: 0 }]],
  lockable: true,
  feature: 'cx8',
  semantics(cpu, target) {
    const pair = (high: number, low: number): Value =>
      cpu.register(high, 32).read().zeroExtend(64).shl(32).or(cpu.register(low, 32).read().zeroExtend(64));
    const expected = pair(2, 0);
    const value = pair(1, 3);
    const { before } = target!.update(found => found.eq(expected).select(value, found));
    const equal = before.eq(expected);
    const different = equal.xor(yes);
    cpu.register(0, 32).writeIf(different, before.truncate(32));
    cpu.register(2, 32).writeIf(different, before.shr(32).truncate(32));
    cpu.setFlags({ zf: equal });
  },
});

export const CMPXCHG16B = instruction('cmpxchg16b', {
  encodings: [['0f c7 /1 mem', 'Mdq', { w: 1, only64: true }]],
  lockable: true,
  aligned: true,
  feature: 'cx16',
  semantics(cpu, target) {
    const [low, high] = [cpu.register(0, 64).read(), cpu.register(2, 64).read()];
    const value = cpu.register(3, 64).read().join(cpu.register(1, 64).read());
    const matches = (found: Value): Value => found.low64().eq(low).and(found.high64().eq(high));
    const { before } = target!.update(found => matches(found).select(value, found));
    const equal = matches(before);
    const different = equal.xor(yes);
    cpu.register(0, 64).writeIf(different, before.low64());
    cpu.register(2, 64).writeIf(different, before.high64());
    cpu.setFlags({ zf: equal });
  },
});
