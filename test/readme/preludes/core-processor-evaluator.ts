import { Decoded } from '../../../core/processor/decode/decoded.ts';
import { allDecodeFeatures, decode } from '../../../core/processor/decode/decoder.ts';
import { trace } from '../../../core/processor/isa/trace.ts';
import { mode64 } from '../../../core/processor/state/mode.ts';
import { readCases, recordings } from '../../oracle/cases.ts';
import { UserMachine } from '../../support/user-machine.ts';

export { evaluate } from '../../../core/processor/evaluator/evaluate.ts';

const [task] = readCases(recordings[0].path);
const { bytes } = task!;
export const machine = new UserMachine(task!);
export const decoded = new Decoded();
decode({ length: bytes.length, at: index => bytes[index] }, mode64, allDecodeFeatures, decoded);
export const program = trace(decoded.form!);
