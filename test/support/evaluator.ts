/** The evaluator as an engine: runs a task instruction by instruction until RIP leaves its bytes or it faults. */
import { Decoded } from '../../core/decode/decoded.ts';
import { allDecodeFeatures, decode } from '../../core/decode/decoder.ts';
import type { Program } from '../../core/ir/effect.ts';
import { evaluate } from '../../core/ir/evaluate.ts';
import type { Form } from '../../core/isa/form.ts';
import { trace } from '../../core/isa/trace.ts';
import { state } from '../../core/state/layout.ts';
import type { Case, Fault } from '../oracle/cases.ts';
import { codeBase } from '../oracle/machine.ts';
import { type Task, UserMachine } from './user-machine.ts';

export interface Engine {
  readonly name: string;
  run(task: Task): Pick<Case, 'after' | 'memoryAfter' | 'fault'>;
}

const programs = new Map<Form, Program>();
const programOf = (form: Form): Program => {
  const known = programs.get(form) ?? trace(form);
  programs.set(form, known);
  return known;
};

const longest = 20_000;

export const evaluator: Engine = {
  name: 'evaluator',
  run(task) {
    const machine = new UserMachine(task);
    const decoded = new Decoded();
    const end = BigInt(codeBase + task.bytes.length);
    for (let i = 0; i < longest && machine.rip >= BigInt(codeBase) && machine.rip < end; i++) {
      const fault = step(machine, decoded);
      if (fault) return machine.outcome(fault);
    }
    return machine.outcome(undefined);
  },
};

function step(machine: UserMachine, decoded: Decoded): Fault | undefined {
  const bytes = machine.code(machine.rip);
  const source = { length: bytes.length, at: (index: number) => bytes[index]! };
  const length = decode(source, Number(machine.block.get(state.mode)), allDecodeFeatures, decoded);
  if (length <= 0 || !decoded.form) return { vector: decoded.fault, error: 0, address: 0n };
  const result = evaluate(programOf(decoded.form), decoded, machine);
  if (typeof result !== 'object') return undefined;
  const { vector, error, address } = result.fault;
  return { vector, error: Math.max(error, 0), address: vector === 14 ? (address ?? 0n) : 0n };
}
