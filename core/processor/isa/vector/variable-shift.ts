/** Shifts by a count for each element (SDM vol. 2, VPSLLV, VPSRLV, VPSRAV). WebAssembly has none, so elements are shifted one by one. */
import { constant, type Value, zero } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';

type Shift = 'shl' | 'shr' | 'sar';

function shifted(value: Value, shift: Shift, count: Value): Value {
  const last = value.width - 1;
  const fits = count.leU(constant(count.width, last));
  if (shift === 'sar') return value.sar(fits.select(count, constant(count.width, last)));
  return fits.select(value[shift](count.and(last)), zero(value.width));
}

const halves = (value: Value): readonly [Value, Value] => [value.truncate(32), value.shr(32).truncate(32)];

function shifted64(value: Value, shift: Shift, count: Value, width: 32 | 64): Value {
  if (width === 64) return shifted(value, shift, count);
  const [[low, high], [lowCount, highCount]] = [halves(value), halves(count)];
  return shifted(low, shift, lowCount)
    .zeroExtend(64)
    .or(shifted(high, shift, highCount).zeroExtend(64).shl(32));
}

const variableShift = (name: string, opcode: string, shift: Shift, width: 32 | 64): Instruction =>
  instruction(name, {
    encodings: [[`vex 66 0f 38 ${opcode}`, 'Vx', 'Hx', 'Wx', { w: width === 64 ? 1 : 0, feature: 'avx2' }]],
    unit: 'avx',
    semantics(_cpu, target, source, counts) {
      const [value, count] = [source.read(), counts.read()];
      const low = shifted64(value.low64(), shift, count.low64(), width);
      target.write(low.join(shifted64(value.high64(), shift, count.high64(), width)));
    },
  });

export const variableShifts: readonly Instruction[] = [
  variableShift('vpsllvd', '47', 'shl', 32),
  variableShift('vpsllvq', '47', 'shl', 64),
  variableShift('vpsrlvd', '45', 'shr', 32),
  variableShift('vpsrlvq', '45', 'shr', 64),
  variableShift('vpsravd', '46', 'sar', 32),
];
