/** BMI1 and BMI2: bit fields and shifts that leave flags alone (SDM vol. 2, ANDN … SHRX). */
import type { FlagUpdate } from '../../ir/effect.ts';
import { Routine } from '../../ir/routine.ts';
import { constant, no, type Value, zero } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';

/** ZF and SF follow from the result; AF and PF are undefined. */
const fieldFlags = (result: Value, cf: Value): FlagUpdate => ({ result, cf, of: no, af: no });

export const ANDN = instruction('andn', {
  encodings: [['vex np 0f 38 f2', 'Gy', 'By', 'Ey']],
  feature: 'bmi1',
  semantics(cpu, target, mask, source) {
    const value = source.read();
    const result = mask.read().not().and(value);
    target.write(result);
    cpu.setFlags(fieldFlags(result, no));
  },
});

/** All ones below a bit, for a number up to the width. */
function below(count: Value): Value {
  const { width } = count;
  const fits = count.ltU(width);
  const one = constant(width, 1).shl(count.and(width - 1));
  return fits.select(one.sub(1), constant(width, (1n << BigInt(width)) - 1n));
}

/** Start in bits 7:0, length in bits 15:8. */
export const BEXTR = instruction('bextr', {
  encodings: [['vex np 0f 38 f7', 'Gy', 'Ey', 'By']],
  feature: 'bmi1',
  semantics(cpu, target, source, control) {
    const { width } = target;
    const value = source.read();
    const field = control.read();
    const start = field.and(0xff);
    const inside = start.ltU(width);
    const moved = inside.select(value.shr(start.and(width - 1)), zero(width));
    const result = moved.and(below(field.shr(8).and(0xff)));
    target.write(result);
    cpu.setFlags(fieldFlags(result, no));
  },
});

const lowestBit = (
  name: string,
  extension: number,
  meaning: (value: Value, less: Value) => Value,
  carry: (value: Value) => Value,
): Instruction =>
  instruction(name, {
    encodings: [[`vex np 0f 38 f3 /${extension}`, 'By', 'Ey']],
    feature: 'bmi1',
    semantics(cpu, target, source) {
      const value = source.read();
      const result = meaning(value, value.sub(1));
      target.write(result);
      cpu.setFlags(fieldFlags(result, carry(value)));
    },
  });

export const BLSR = lowestBit(
  'blsr',
  1,
  (value, less) => value.and(less),
  value => value.eq(0),
);
export const BLSMSK = lowestBit(
  'blsmsk',
  2,
  (value, less) => value.xor(less),
  value => value.eq(0),
);
export const BLSI = lowestBit(
  'blsi',
  3,
  value => value.and(value.neg()),
  value => value.ne(0),
);

export const BZHI = instruction('bzhi', {
  encodings: [['vex np 0f 38 f5', 'Gy', 'Ey', 'By']],
  feature: 'bmi2',
  semantics(cpu, target, source, control) {
    const value = source.read();
    const count = control.read().and(0xff);
    const result = value.and(below(count));
    target.write(result);
    cpu.setFlags(fieldFlags(result, constant(count.width, target.width - 1).ltU(count)));
  },
});

/** The upper half is written last: it is what stays where both targets are one register. */
export const MULX = instruction('mulx', {
  encodings: [['vex f2 0f 38 f6', 'Gy', 'By', 'Ey']],
  feature: 'bmi2',
  semantics(cpu, high, low, source) {
    const right = source.read();
    const left = cpu.register(2, high.width).read();
    const [lower, upper] = product(left, right);
    low.write(lower);
    high.write(upper);
  },
});

function product(left: Value, right: Value): [Value, Value] {
  if (left.width === 64) return [left.mul(right), left.mulHighU(right)];
  const whole = left.zeroExtend(64).mul(right.zeroExtend(64));
  return [whole.truncate(32), whole.shr(32).truncate(32)];
}

/** How far bits move in each step of the two below (Warren, Hacker's Delight, section 7-4): masks of those that move by 1, 2, 4 … */
function moves(mask: Value): { readonly mask: Value; readonly by: readonly Value[] } {
  const { width } = mask;
  let rest = mask;
  let before = mask.not().shl(1);
  const by: Value[] = [];
  for (let distance = 1; distance < width; distance *= 2) {
    let parity = before;
    for (let shift = 1; shift < width; shift *= 2) parity = parity.xor(parity.shl(shift));
    const moving = parity.and(rest);
    by.push(moving);
    rest = rest.xor(moving).or(moving.shr(distance));
    before = before.and(parity.not());
  }
  return { mask, by };
}

const gathered = (source: Value, selection: Value): Value => {
  const { mask, by } = moves(selection);
  return by.reduce((value, moving, step) => {
    const moved = value.and(moving);
    return value.xor(moved).or(moved.shr(2 ** step));
  }, source.and(mask));
};

const scattered = (source: Value, selection: Value): Value => {
  const { mask, by } = moves(selection);
  const spread = by.reduceRight(
    (value, moving, step) => value.and(moving.not()).or(value.shl(2 ** step).and(moving)),
    source,
  );
  return spread.and(mask);
};

const inParallel = (name: string, prefix: string, meaning: (source: Value, mask: Value) => Value): Instruction => {
  const routines = {
    32: new Routine(`${name} 32`, [32, 32], 32, (source, mask) => meaning(source!, mask!)),
    64: new Routine(`${name} 64`, [64, 64], 64, (source, mask) => meaning(source!, mask!)),
  };
  return instruction(name, {
    encodings: [[`vex ${prefix} 0f 38 f5`, 'Gy', 'By', 'Ey']],
    feature: 'bmi2',
    semantics(_cpu, target, source, selection) {
      const mask = selection.read();
      target.write(routines[target.width as 32 | 64].of(source.read(), mask));
    },
  });
};

export const PEXT = inParallel('pext', 'f3', gathered);
export const PDEP = inParallel('pdep', 'f2', scattered);

const flaglessShift = (name: string, encoding: Encoding, operation: 'shl' | 'shr' | 'sar' | 'rotr'): Instruction =>
  instruction(name, {
    encodings: [encoding],
    feature: 'bmi2',
    semantics(_cpu, target, source, count) {
      const value = source.read();
      target.write(
        value[operation](
          count
            .read()
            .resize(value.width)
            .and(value.width - 1),
        ),
      );
    },
  });

export const flaglessShifts: readonly Instruction[] = [
  flaglessShift('rorx', ['vex f2 0f 3a f0', 'Gy', 'Ey', 'Ib'], 'rotr'),
  flaglessShift('sarx', ['vex f3 0f 38 f7', 'Gy', 'Ey', 'By'], 'sar'),
  flaglessShift('shlx', ['vex 66 0f 38 f7', 'Gy', 'Ey', 'By'], 'shl'),
  flaglessShift('shrx', ['vex f2 0f 38 f7', 'Gy', 'Ey', 'By'], 'shr'),
];
