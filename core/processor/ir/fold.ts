/**
 * Constant folding and identities on values, and programs cleared of what cannot happen. Equal values become one object, so that
 * readers see what is used twice. It happens once, in `trace`: no reader folds again with what one decoded instruction's operands hold.
 */
import type { Address, Effect, FlagUpdate, Program } from './effect.ts';
import { compute, isComputable } from './operations.ts';
import { constant, flagNames, type Operation, Value, yes } from './value.ts';

const constantOf = (value: Value): bigint | undefined =>
  value.operation === 'constant' ? (value.detail as bigint) : undefined;

const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;

/** The comparison that holds where this one does not, its inputs exchanged where needed. */
const inverses: Partial<Record<Operation, readonly [Operation, exchanged: boolean]>> = {
  eq: ['ne', false],
  ne: ['eq', false],
  ltU: ['leU', true],
  leU: ['ltU', true],
  ltS: ['leS', true],
  leS: ['ltS', true],
};

const invert = (value: Value): Value | undefined => {
  const inverse = inverses[value.operation];
  if (!inverse) return undefined;
  const [left, right] = value.inputs as [Value, Value];
  return new Value(inverse[0], 1, inverse[1] ? [right, left] : [left, right]);
};

type Rule = (value: Value, left: Value, right: Value) => Value | undefined;

const withRightZero: Rule = (_value, left, right) => (constantOf(right) === 0n ? left : undefined);
const withEitherZero: Rule = (_value, left, right) =>
  constantOf(right) === 0n ? left : constantOf(left) === 0n ? right : undefined;

/** Only what comes up in semantics: an operand that is a constant in some forms, and the same value twice. */
const rules: Partial<Record<Operation, Rule>> = {
  add: withEitherZero,
  sub: (value, left, right) =>
    left === right ? constant(value.width, 0) : constantOf(right) === 0n ? left : undefined,
  or: (value, left, right) => (left === right ? left : withEitherZero(value, left, right)),
  xor: (value, left, right) => {
    if (left === right) return constant(value.width, 0);
    if (value.width === 1 && constantOf(right) === 1n) return invert(left);
    return withEitherZero(value, left, right);
  },
  and: (value, left, right) => {
    const known = constantOf(right) ?? constantOf(left);
    if (left === right) return left;
    if (known === 0n) return constant(value.width, 0);
    if (known !== ones(value.width)) return undefined;
    return constantOf(right) === known ? left : right;
  },
  mul: (_value, left, right) => (constantOf(right) === 1n ? left : constantOf(left) === 1n ? right : undefined),
  shl: withRightZero,
  shr: withRightZero,
  sar: withRightZero,
  rotl: withRightZero,
  rotr: withRightZero,
  eq: (value, left, right) => (left === right ? constant(1, 1) : truthOfFlag(value, left, right, true)),
  ne: (value, left, right) => (left === right ? constant(1, 0) : truthOfFlag(value, left, right, false)),
  truncate: (value, inner) => {
    if (inner.operation === 'truncate') return inner.inputs[0].truncate(value.width);
    if (inner.operation !== 'zeroExtend' && inner.operation !== 'signExtend') return undefined;
    const source = inner.inputs[0];
    if (source.width >= value.width) return source.truncate(value.width);
    return inner.operation === 'zeroExtend' ? source.zeroExtend(value.width) : source.signExtend(value.width);
  },
  zeroExtend: (value, inner) =>
    inner.operation === 'zeroExtend' ? inner.inputs[0].zeroExtend(value.width) : undefined,
  signExtend: (value, inner) => {
    if (inner.operation === 'signExtend') return inner.inputs[0].signExtend(value.width);
    return inner.operation === 'zeroExtend' ? inner.inputs[0].zeroExtend(value.width) : undefined;
  },
};

/** A value of one bit against a constant is itself or its opposite. */
const truthOfFlag = (_value: Value, left: Value, right: Value, equal: boolean): Value | undefined => {
  const known = constantOf(right);
  if (left.width !== 1 || known === undefined) return undefined;
  return (known === 1n) === equal ? left : (invert(left) ?? left.xor(yes));
};

const detailText = (value: Value): string =>
  typeof value.detail === 'object' ? JSON.stringify(value.detail) : String(value.detail);

export class Folder {
  readonly #done = new Map<Value, Value>();
  readonly #shared = new Map<string, Value>();
  readonly #numbers = new Map<Value, number>();

  value(value: Value): Value {
    const known = this.#done.get(value);
    if (known) return known;
    const folded = this.#share(this.#fold(value));
    this.#done.set(value, folded);
    return folded;
  }

  program({ effects }: Program): Program {
    const kept: Effect[] = [];
    for (const effect of effects) {
      const folded = this.#effect(effect);
      if (!folded) continue;
      kept.push(folded);
      const { kind } = folded;
      if ((kind === 'raise' || kind === 'finish') && constantOf(folded.when) === 1n) break;
    }
    return { effects: kept };
  }

  /** The one object for this value. What an effect produced is equal to nothing but itself. */
  #share(value: Value): Value {
    if (value.operation === 'result') return value;
    const inputs = value.inputs.map(input => this.#number(input)).join();
    const key = `${value.operation} ${value.width} ${detailText(value)} ${inputs}`;
    const known = this.#shared.get(key);
    if (known) return known;
    this.#shared.set(key, value);
    return value;
  }

  #number(value: Value): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    this.#numbers.set(value, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  #fold(value: Value): Value {
    if (value.inputs.length === 0) return value;
    const inputs = value.inputs.map(input => this.value(input));
    const unchanged = inputs.every((input, n) => input === value.inputs[n]);
    const rebuilt = unchanged ? value : new Value(value.operation, value.width, inputs, value.detail);
    const simpler = this.#simplify(rebuilt);
    return simpler ? this.value(simpler) : rebuilt;
  }

  #simplify(value: Value): Value | undefined {
    const { operation, inputs } = value;
    if (operation === 'select' || operation === 'branch') return this.#simplifySelect(inputs as [Value, Value, Value]);
    const constants = inputs.map(constantOf);
    if (isComputable(operation) && constants.every(known => known !== undefined))
      return constant(value.width, compute(value, constants));
    return rules[operation]?.(value, inputs[0], inputs[1]);
  }

  #simplifySelect([condition, then, otherwise]: [Value, Value, Value]): Value | undefined {
    const known = constantOf(condition);
    if (known !== undefined) return known ? then : otherwise;
    if (then === otherwise) return then;
    return then.width === 1 && constantOf(then) === 1n && constantOf(otherwise) === 0n ? condition : undefined;
  }

  /** undefined: it never happens. */
  #effect(effect: Effect): Effect | undefined {
    const when = 'when' in effect && effect.when ? this.value(effect.when) : undefined;
    if (when && constantOf(when) === 0n) return undefined;
    const always = when !== undefined && constantOf(when) === 1n;
    switch (effect.kind) {
      case 'load':
      case 'probe':
        return { ...effect, address: this.#address(effect.address) };
      case 'store':
        return {
          ...effect,
          address: this.#address(effect.address),
          value: this.value(effect.value),
          ...(effect.high ? { high: this.value(effect.high) } : {}),
        };
      case 'update':
        return { ...effect, address: this.#address(effect.address), after: this.value(effect.after) };
      case 'set': {
        const { place } = effect;
        const value = this.value(effect.value);
        return {
          ...effect,
          value,
          place: place.kind === 'element' ? { ...place, index: this.value(place.index) } : place,
        };
      }
      case 'flags': {
        const flags = this.#flags(effect.flags);
        return when && !always ? { kind: 'flags', flags, when } : { kind: 'flags', flags };
      }
      case 'jump': {
        const target = this.value(effect.target);
        return when && !always ? { kind: 'jump', target, when } : { kind: 'jump', target };
      }
      case 'call': {
        const { when: _, ...call } = effect;
        const inputs = effect.inputs.map(input => this.value(input));
        return when && !always ? { ...call, inputs, when } : { ...call, inputs };
      }
      case 'raise':
      case 'finish':
      case 'again':
        return { ...effect, when: when! };
      case 'window':
      case 'bulk':
        return effect;
    }
  }

  #address(address: Address): Address {
    if (address.kind === 'implicit') return { ...address, offset: this.value(address.offset) };
    if (!address.plus) return address;
    const plus = this.value(address.plus);
    const { plus: _, ...plain } = address;
    return constantOf(plus) === 0n ? plain : { ...address, plus };
  }

  #flags(flags: FlagUpdate): FlagUpdate {
    const folded: { -readonly [K in keyof FlagUpdate]: FlagUpdate[K] } = {};
    if (flags.result) folded.result = this.value(flags.result);
    for (const name of flagNames) if (flags[name]) folded[name] = this.value(flags[name]);
    return folded;
  }
}
