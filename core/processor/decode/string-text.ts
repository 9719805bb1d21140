/** Implicit operands of string instructions, which objdump spells out. */
import type { Variant } from '../isa/opcode-map.ts';
import type { Decoded } from './decoded.ts';
import { generalName, segments, sizeNames } from './names.ts';

const memory = (decoded: Decoded, bits: number, segment: string, register: number): string =>
  `${sizeNames[bits]} PTR ${segment}:[${generalName(register * 8, decoded.addressWidth)}]`;

type Parts = (source: () => string, target: () => string, accumulator: string) => readonly string[];

const parts: Readonly<Record<string, Parts>> = {
  movs: (source, target) => [target(), source()],
  cmps: (source, target) => [source(), target()],
  stos: (_, target, accumulator) => [target(), accumulator],
  lods: (source, _, accumulator) => [accumulator, source()],
  scas: (_, target, accumulator) => [accumulator, target()],
  ins: (_, target) => [target(), 'dx'],
  outs: source => ['dx', source()],
};

/** `movsb` is a MOVS whose operands say that they are bytes. */
export const stringStem = (name: string): string => (name.at(-1) === 'b' ? name.slice(0, -1) : name);

/** Opcodes A4 to AF and 6C to 6F: even ones are byte-sized; ports are at most 32 bits wide. */
export function stringOperands(name: string, decoded: Decoded, variant: Variant): readonly string[] | undefined {
  if (name === 'xlat') return [memory(decoded, 8, segments[decoded.segment], 3)];
  const make = parts[stringStem(name)];
  if (!make || decoded.opcode > 0xff) return undefined;
  const port = decoded.opcode < 0x70;
  const bits = !(decoded.opcode & 1) ? 8 : port ? Math.min(variant.size, 32) : variant.size;
  return make(
    () => memory(decoded, bits, segments[decoded.segment], 6),
    () => memory(decoded, bits, 'es', 7),
    generalName(0, bits),
  );
}
