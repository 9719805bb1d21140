/** IR as text, one effect a line: for snapshots and for people. Values used more than once get a name where they are first used. */
import { type ArrayField, gprOffset, state } from '../state/layout.ts';
import { gprNames } from '../state/registers.ts';
import type { Address, Effect, FlagUpdate, Place, Program } from './effect.ts';
import type { Routine } from './routine.ts';
import { flagNames, type Value } from './value.ts';
import type { VectorOperation } from './vector.ts';
import { valuesOf } from './visit.ts';

const fieldNames = new Map<number, string>([
  ...gprNames.map((name, index): [number, string] => [gprOffset(index), name]),
  ...gprNames.slice(0, 4).map((name, index): [number, string] => [gprOffset(index) + 1, `${name[1]}h`]),
  ...Object.entries(state).map(([name, { offset }]): [number, string] => [offset, name]),
]);
const fieldName = (offset: number): string => fieldNames.get(offset) ?? `state+0x${offset.toString(16)}`;
const segmentName = (segment: number | 'source'): string =>
  segment === 'source' ? 'source' : (['es', 'cs', 'ss', 'ds', 'fs', 'gs'][segment] ?? String(segment));

/** How often each value is used, effects counting as users. */
function countUses({ effects }: Program): Map<Value, number> {
  const uses = new Map<Value, number>();
  const use = (value: Value): void => {
    const count = uses.get(value) ?? 0;
    uses.set(value, count + 1);
    if (count === 0) value.inputs.forEach(use);
  };
  for (const effect of effects) valuesOf(effect).forEach(use);
  return uses;
}

class Printer {
  readonly #lines: string[] = [];
  readonly #names = new Map<Value, string>();
  readonly #uses: Map<Value, number>;

  constructor(readonly program: Program) {
    this.#uses = countUses(program);
  }

  print(): string {
    for (const effect of this.program.effects) this.#lines.push(this.#effect(effect));
    return this.#lines.join('\n');
  }

  #effect(effect: Effect): string {
    const when = 'when' in effect && effect.when ? ` if ${this.#value(effect.when)}` : '';
    switch (effect.kind) {
      case 'load':
        return effect.high
          ? `${this.#result(effect.result)}, ${this.#result(effect.high)} = load256 ${this.#address(effect.address)}`
          : `${this.#result(effect.result)} = load${effect.result.width} ${this.#address(effect.address)}`;
      case 'store': {
        const { value, high } = effect;
        if (high) return `store256 ${this.#address(effect.address)} ${this.#value(value)} ${this.#value(high)}`;
        return `store${value.width} ${this.#address(effect.address)} ${this.#value(value)}`;
      }
      case 'update': {
        const before = this.#result(effect.before);
        return `${before} = update${effect.before.width} ${this.#address(effect.address)} ${this.#value(effect.after)}`;
      }
      case 'probe':
        return `probe${effect.width}${effect.access === 'read' ? ' read' : ''} ${this.#address(effect.address)}`;
      case 'set':
        return `set ${this.#place(effect.place)} ${this.#value(effect.value)}`;
      case 'flags':
        return `flags ${this.#flags(effect.flags)}${when}`;
      case 'jump':
        return `jump ${this.#value(effect.target)}${when}`;
      case 'raise':
        return `raise ${effect.vector}${effect.error < 0 ? '' : `(${effect.error})`}${when}`;
      case 'call': {
        const results = effect.results.map(result => this.#result(result)).join(', ');
        const inputs = effect.inputs.map(input => this.#value(input)).join(', ');
        return `${results && `${results} = `}call ${effect.helper}(${inputs})${when}`;
      }
      case 'bulk':
        return `bulk ${effect.what}${effect.width} address ${effect.addressWidth}`;
      default:
        return effect.kind + when;
    }
  }

  #flags(flags: FlagUpdate): string {
    const parts = flags.result ? [`result=${this.#value(flags.result)}`] : [];
    for (const name of flagNames) if (flags[name]) parts.push(`${name}=${this.#value(flags[name])}`);
    return parts.join(' ');
  }

  #address(address: Address): string {
    if (address.kind === 'implicit') return `[${segmentName(address.segment)}:${this.#value(address.offset)}]`;
    return address.plus ? `[#${address.operand} + ${this.#value(address.plus)}]` : `[#${address.operand}]`;
  }

  #place(at: Place): string {
    const name =
      at.kind === 'element'
        ? `${arrayName(at.array)}[${this.#value(at.index)}]`
        : at.kind === 'register'
          ? `#${at.operand}${at.upper ? '+16' : ''}`
          : fieldName(at.offset);
    return `${name}:${at.width}`;
  }

  #result(value: Value): string {
    return this.#name(value);
  }

  #name(value: Value): string {
    const name = `%${this.#names.size}`;
    this.#names.set(value, name);
    return name;
  }

  #value(value: Value): string {
    const named = this.#names.get(value);
    if (named) return named;
    if (value.inputs.length === 0) return leaf(value);
    const inputs = value.inputs.map(input => this.#value(input)).join(', ');
    const text = `${operationName(value)}(${inputs})`;
    if ((this.#uses.get(value) ?? 0) < 2) return text;
    const name = this.#name(value);
    this.#lines.push(`${name} = ${text}`);
    return name;
  }
}

const arrayName = ({ offset, stride }: ArrayField): string => `${fieldName(offset)}/${stride}`;

const operationName = ({ operation, width, detail }: Value): string => {
  if (operation === 'routine') return (detail as Routine).name;
  if (operation === 'element') return `${arrayName(detail as ArrayField)}:${width}`;
  if (operation !== 'vector') return `${operation}${width}`;
  const { name, lane, parameter } = detail as VectorOperation;
  return `${name}.${lane}${parameter ? `[${parameter.join(' ')}]` : ''}`;
};

const leaf = ({ operation, width, detail }: Value): string => {
  switch (operation) {
    case 'constant': {
      const value = detail as bigint;
      return value < 10n ? String(value) : `0x${value.toString(16)}`;
    }
    case 'register':
      return `#${String(detail)}:${width}`;
    case 'upper':
      return `#${String(detail)}+16:${width}`;
    case 'state':
      return `${fieldName(detail as number)}:${width}`;
    case 'flag':
    case 'rip':
    case 'nextRip':
      return String(detail ?? operation);
    default:
      return `${operation} #${String(detail)}:${width}`;
  }
};

export const printProgram = (program: Program): string => new Printer(program).print();
