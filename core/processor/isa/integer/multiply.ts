/** MUL and IMUL (SDM vol. 2). SF, ZF, AF and PF are undefined; they are made to follow the lower half here. */
import type { Value, Width } from '../../ir/value.ts';
import { no } from '../../ir/value.ts';
import { instruction } from '../instruction.ts';
import type { Operand } from '../operand.ts';
import type { Tracer } from '../tracer.ts';

interface Product {
  readonly low: Value;
  readonly high: Value;
}

type Extend = (value: Value, width: Width) => Value;
const unsigned: Extend = (value, width) => value.zeroExtend(width);
const signed: Extend = (value, width) => value.signExtend(width);

const multiply = (left: Value, right: Value, extend: Extend): Product => {
  const { width } = left;
  if (width === 64) {
    const high = extend === signed ? left.mulHighS(right) : left.mulHighU(right);
    return { low: left.mul(right), high };
  }
  const wide = width === 32 ? 64 : 32;
  const product = extend(left, wide).mul(extend(right, wide));
  return { low: product.truncate(width), high: product.shr(width).truncate(width) };
};

/** CF and OF say that the upper half holds something. */
const setFlags = (cpu: Tracer, { low, high }: Product, extend: Extend): void => {
  const overflow = high.ne(extend === signed ? low.sar(low.width - 1) : low.xor(low));
  cpu.setFlags({ result: low, cf: overflow, of: overflow, af: no });
};

/** AX := AL × r/m8, DX:AX := AX × r/m16 … */
const widening = (extend: Extend) => (cpu: Tracer, source: Operand) => {
  const { width } = source;
  const product = multiply(cpu.register(0, width).read(), source.read(), extend);
  if (width === 8) {
    cpu.register(0, 16).write(product.low.zeroExtend(16).or(product.high.zeroExtend(16).shl(8)));
  } else {
    cpu.register(0, width).write(product.low);
    cpu.register(2, width).write(product.high);
  }
  setFlags(cpu, product, extend);
};

export const MUL = instruction('mul', {
  encodings: [
    ['f6 /4', 'Eb'],
    ['f7 /4', 'Ev'],
  ],
  semantics: (cpu, source) => widening(unsigned)(cpu, source!),
});

/** One operand: as MUL. Two: target × source. Three: source × immediate. */
export const IMUL = instruction('imul', {
  encodings: [
    ['f6 /5', 'Eb'],
    ['f7 /5', 'Ev'],
    ['0f af', 'Gv', 'Ev'],
    ['69', 'Gv', 'Ev', 'Iz'],
    ['6b', 'Gv', 'Ev', 'sIb'],
  ],
  semantics(cpu, target, source, factor) {
    if (!source) return widening(signed)(cpu, target!);
    const product = multiply(source.read(), (factor ?? target!).read(), signed);
    target!.write(product.low);
    setFlags(cpu, product, signed);
  },
});
