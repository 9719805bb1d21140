/** CMPPS and kin, COMISS, UCOMISS, COMISD, UCOMISD (SDM vol. 2). */
import { constant, no, type Value, zero } from '../../ir/value.ts';
import { simd } from '../../ir/vector.ts';
import { type Instruction, instruction } from '../instruction.ts';
import { comparable, helpUnless, kept, unless } from './float-guard.ts';
import { Format, type FormatName } from './operations.ts';

/** Equal, less, less or equal, unordered; bit 2 says the contrary (SDM vol. 2, CMPPD, table 3-1). Nothing here is unordered. */
function mask(shape: string, left: Value, right: Value, predicate: Value): Value {
  const isVector = left.width === 128;
  const test = (name: string): Value => {
    const found = simd(`${shape}.${name}`, left, right);
    return isVector ? found : found.signExtend(left.width);
  };
  const which = predicate.and(3);
  const basic = which
    .eq(0)
    .select(test('eq'), which.eq(1).select(test('lt'), which.eq(2).select(test('le'), zero(left.width))));
  const contrary = predicate.bit(2).signExtend(64);
  if (isVector) return simd('v128.xor', basic, simd('i64x2.splat', contrary));
  return basic.xor(contrary.resize(left.width));
}

const compare = (name: FormatName, prefix: string, type: string, width: 32 | 64): Instruction =>
  instruction(`cmp${name}`, {
    encodings: [[`${prefix} 0f c2`, `V${type}`, `W${type}`, 'Ib', { vex: `V${type} H${type} W${type} Ib` }]],
    feature: width === 32 ? 'sse' : 'sse2',
    unit: 'sse',
    ...(type === 'x' ? { aligned: true as const } : {}),
    semantics(cpu, target, source, control) {
      const right = source.read();
      const left = target.read();
      const predicate = control.read().and(cpu.vex ? 31 : 7);
      helpUnless(cpu, comparable(width, left, right), {
        helper: 'sseCompare',
        wide: 'sseCompareWide',
        inputs: [kept(cpu, target, left), right],
        target,
        code: predicate.zeroExtend(32).or(Format[name] << 8),
      });
      target.write(mask(type === 'x' ? `f${width}x${128 / width}` : `f${width}`, left, right, predicate));
    },
  });

export const CMPPS = compare('ps', 'np', 'x', 32);
export const CMPPD = compare('pd', '66', 'x', 64);
export const CMPSS = compare('ss', 'f3', 'ss', 32);
export const CMPSD = compare('sd', 'f2', 'sd', 64);

const compareFlags = (name: 'comi' | 'ucomi', opcode: string, signals: 0 | 1, type: 'ss' | 'sd'): Instruction =>
  instruction(`${name}${type}`, {
    encodings: [[opcode, `V${type}`, `W${type}`, { vex: `V${type} W${type}` }]],
    feature: type === 'ss' ? 'sse' : 'sse2',
    unit: 'sse',
    semantics(cpu, target, source) {
      const width = type === 'ss' ? 32 : 64;
      const right = source.read();
      const left = target.read();
      const how = constant(32, signals | (Format[type] << 8));
      const good = comparable(width, left, right);
      unless(cpu, good, 'sseCompareFlags', left.zeroExtend(64), right.zeroExtend(64), how);
      cpu.setFlags({
        zf: simd(`f${width}.eq`, left, right),
        cf: simd(`f${width}.lt`, left, right),
        pf: no,
        of: no,
        sf: no,
        af: no,
      });
    },
  });

export const flagCompares: readonly Instruction[] = [
  compareFlags('comi', 'np 0f 2f', 1, 'ss'),
  compareFlags('comi', '66 0f 2f', 1, 'sd'),
  compareFlags('ucomi', 'np 0f 2e', 0, 'ss'),
  compareFlags('ucomi', '66 0f 2e', 0, 'sd'),
];
