/** Expressions of assembly source: numbers, labels, `$`, C's operators. Values are bigint, as addresses have 64 bits. */
import { complain } from './complaint.ts';

export interface Evaluated {
  readonly value: bigint;
  /** It depends on a label, whose address is not settled before the end. */
  readonly symbolic: boolean;
}

export interface Symbols {
  /** Undefined where no such symbol exists. */
  lookup(name: string): Evaluated | undefined;
  /** `$`, the address of this statement. */
  readonly here: bigint;
  /** `$$`, the first address. */
  readonly origin: bigint;
}

const token =
  /\s*(0x[0-9a-f_]+|0b[01_]+|0o[0-7_]+|[0-9][0-9a-f_]*h\b|[0-9][0-9_]*|'(?:\\.|[^'])'|\$\$|\$|[a-z_.@?][\w.@?$]*|<<|>>|[-+*/%&|^~()])/iy;

const escapes: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, 0: 0 };
export const characterCode = (text: string): number =>
  text[0] === '\\' ? (escapes[text[1]] ?? text.charCodeAt(1)) : text.charCodeAt(0);

export function tokenize(text: string): string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (text.slice(token.lastIndex).trim() !== '') {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (!match) return complain(`"${text.slice(at).trim()}" is no expression`);
    tokens.push(match[1]);
  }
  return tokens;
}

const levels: readonly (readonly string[])[] = [['|'], ['^'], ['&'], ['<<', '>>'], ['+', '-'], ['*', '/', '%']];

const apply = (operator: string, left: bigint, right: bigint): bigint => {
  if ((operator === '/' || operator === '%') && right === 0n) return complain('division by zero');
  if ((operator === '<<' || operator === '>>') && (right < 0n || right > 64n)) return complain('shift by more than 64');
  switch (operator) {
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '&':
      return left & right;
    case '<<':
      return left << right;
    case '>>':
      return left >> right;
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    default:
      return left % right;
  }
};

const numberOf = (text: string): bigint => {
  const plain = text.replaceAll('_', '');
  return /h$/i.test(plain) ? BigInt(`0x${plain.slice(0, -1)}`) : BigInt(plain.toLowerCase());
};

class Parser {
  #at = 0;

  constructor(
    readonly tokens: readonly string[],
    readonly symbols: Symbols,
    readonly text: string,
  ) {}

  parse(): Evaluated {
    const result = this.#level(0);
    if (this.#at < this.tokens.length) complain(`"${this.tokens[this.#at]}" is out of place in "${this.text}"`);
    return result;
  }

  #level(level: number): Evaluated {
    if (level === levels.length) return this.#unary();
    let left = this.#level(level + 1);
    while (levels[level].includes(this.tokens[this.#at] ?? '')) {
      const operator = this.tokens[this.#at++];
      const right = this.#level(level + 1);
      left = { value: apply(operator, left.value, right.value), symbolic: left.symbolic || right.symbolic };
    }
    return left;
  }

  #unary(): Evaluated {
    const first = this.tokens[this.#at++];
    if (first === undefined) return complain(`"${this.text}" ends too early`);
    if (first === '-' || first === '+' || first === '~') {
      const { value, symbolic } = this.#unary();
      return { value: first === '-' ? -value : first === '~' ? ~value : value, symbolic };
    }
    if (first === '(') {
      const inner = this.#level(0);
      if (this.tokens[this.#at++] !== ')') complain(`a parenthesis is missing in "${this.text}"`);
      return inner;
    }
    if (first === '$') return { value: this.symbols.here, symbolic: true };
    if (first === '$$') return { value: this.symbols.origin, symbolic: true };
    if (/^[0-9]/.test(first)) return { value: numberOf(first), symbolic: false };
    if (first[0] === "'") return { value: BigInt(characterCode(first.slice(1, -1))), symbolic: false };
    return this.symbols.lookup(first) ?? complain(`"${first}" is not defined`);
  }
}

export const evaluate = (text: string, symbols: Symbols): Evaluated =>
  new Parser(tokenize(text), symbols, text).parse();
