/** `trace(form)` runs an instruction's semantics once over symbolic operands and keeps what it said as IR. */
import type { Effect, Program } from '../ir/effect.ts';
import { Folder } from '../ir/fold.ts';
import { helpers } from '../ir/helpers.ts';
import { constant } from '../ir/value.ts';
import { state } from '../state/layout.ts';
import { Vector } from '../state/registers.ts';
import type { Form } from './form.ts';
import type { Instruction } from './instruction.ts';
import { Tracer } from './tracer.ts';
import { VexRun } from './vex-run.ts';

/**
 * The whole meaning of a form. Checks that rows declare (unit, privilege, intercept) come first as `raise`s and `call`s,
 * so that no reader needs to know of them.
 */
export function trace(form: Form): Program {
  const tracer = new Tracer(form);
  const { instruction } = form;
  if (instruction.unit) checkUnit(tracer, instruction.unit);
  if (instruction.privileged) tracer.raise(Vector.gp, tracer.state('cpl').read().ne(0), 0);
  if (instruction.intercept) tracer.intercept(instruction.intercept);
  if (instruction.unit === 'mmx' && form.vendor === 'intel') enterMmxEarly(tracer);
  if (form.vex) new VexRun(tracer).perform();
  else instruction.semantics(tracer, ...tracer.operands());
  if (instruction.unit === 'mmx') enterMmx(tracer);
  if (instruction.opensWindow) tracer.effects.push({ kind: 'window' });
  checkTransfers(form, tracer.effects);
  return new Folder().program({ effects: tracer.effects });
}

const x87Checks = { x87: 0, 'x87-no-wait': 1, mmx: 2 } as const;

function checkUnit(tracer: Tracer, unit: NonNullable<Instruction['unit']>): void {
  if (unit === 'sse') tracer.callIf(tracer.state('sseBlocked').read().ne(0), 'checkSse');
  else if (unit === 'avx') tracer.callIf(tracer.state('avxBlocked').read().ne(0), 'checkAvx');
  else tracer.callIf(tracer.state('x87Blocked').read().ne(0), 'checkX87', constant(32, x87Checks[unit]));
}

/** An MMX instruction resets TOP and marks all registers as used (SDM vol. 1, section 9.5.1), unless that is done already (EMMS). */
function enterMmx(tracer: Tracer): void {
  for (const [name, value] of mmxState) {
    const { offset } = state[name];
    const isSet = (effect: Effect) =>
      effect.kind === 'set' && effect.place.kind === 'state' && effect.place.offset === offset;
    if (!tracer.effects.some(isSet)) tracer.state(name).write(constant(8, value));
  }
}

/** An Intel processor has reset TOP when a store faults, and marked the registers too when it is MASKMOVQ that does. */
function enterMmxEarly({ effects, form }: Tracer): void {
  for (const [name, value] of form.operands[0].kind === 'memory' ? mmxState.slice(0, 1) : mmxState) {
    const place = { kind: 'state', ...state[name], file: 'plain' } as const;
    effects.push({ kind: 'set', place, value: constant(8, value) });
  }
}

const mmxState = [
  ['x87Top', 0],
  ['x87Tags', 0xff],
] as const;

/** After a helper that may transfer nothing can follow but the end on the same condition: readers may leave there. */
function checkTransfers(form: Form, effects: readonly Effect[]): void {
  effects.forEach((effect, at) => {
    if (effect.kind !== 'call' || !helpers[effect.helper].transfers) return;
    const next = effects[at + 1];
    const ends = next === undefined || next.kind === 'window' || next.kind === 'again';
    if (!ends && !(next.kind === 'finish' && next.when === effect.when))
      throw new Error(`${form.key}: ${effect.helper} may transfer and must come last`);
  });
}
