/** The evaluator as an engine: runs a task instruction by instruction until RIP leaves its bytes or it faults. */
import { Decoded } from '../../core/processor/decode/decoded.ts';
import { decode } from '../../core/processor/decode/decoder.ts';
import { evaluate } from '../../core/processor/evaluator/evaluate.ts';
import type { Program } from '../../core/processor/ir/effect.ts';
import type { Form } from '../../core/processor/isa/form.ts';
import { trace } from '../../core/processor/isa/trace.ts';
import { state } from '../../core/processor/state/layout.ts';
import type { Case, Fault } from '../oracle/case.ts';
import { codeBase } from '../oracle/machine.ts';
import { helped } from './helped.ts';
import { type Task, UserMachine } from './user-machine.ts';
import { everything } from './vendor.ts';

export interface Engine {
  readonly name: string;
  run(task: Task): Pick<Case, 'after' | 'memoryAfter' | 'fault'>;
}

const longest = 20_000;

type Meaning = (form: Form) => Program;

function cached(meaning: Meaning): Meaning {
  const programs = new Map<Form, Program>();
  return form => {
    const known = programs.get(form) ?? meaning(form);
    programs.set(form, known);
    return known;
  };
}

export function evaluating(name: string, meaning: Meaning): Engine & { on(machine: UserMachine): Fault | undefined } {
  const programOf = cached(meaning);
  const on = (machine: UserMachine): Fault | undefined => {
    const decoded = new Decoded();
    const end = BigInt(codeBase + machine.task.bytes.length);
    for (let i = 0; i < longest && machine.rip >= BigInt(codeBase) && machine.rip < end; i++) {
      const fault = step(machine, decoded, programOf);
      if (fault) return fault;
    }
    return undefined;
  };
  const run = (task: Task) => {
    const machine = new UserMachine(task);
    const fault = on(machine);
    return machine.outcome(fault);
  };
  return { name, on, run };
}

export const evaluator = evaluating('evaluator', trace);
/** Fast ways closed. */
export const helping = evaluating('helping evaluator', helped);

function step(machine: UserMachine, decoded: Decoded, programOf: Meaning): Fault | undefined {
  const bytes = machine.code(machine.rip);
  const source = { length: bytes.length, at: (index: number) => bytes[index] };
  const features = everything[machine.task.vendor ?? 'amd'];
  const length = decode(source, Number(machine.block.get(state.mode)), features, decoded);
  if (length <= 0 || !decoded.form) return { vector: decoded.fault, error: 0, address: 0n };
  const result = evaluate(programOf(decoded.form), decoded, machine);
  if (typeof result !== 'object') return undefined;
  const { vector, error, address } = result.fault;
  return { vector, error: Math.max(error, 0), address: vector === 14 ? (address ?? 0n) : 0n };
}
