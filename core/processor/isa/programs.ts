/** Programs of forms, traced when first needed. Tracing is pure: a form's program never changes. */
import type { Program } from '../ir/effect.ts';
import type { Form } from './form.ts';
import { trace } from './trace.ts';

const programs: Program[] = [];

export function programOf(form: Form): Program {
  programs[form.id] ??= trace(form);
  return programs[form.id];
}

/** Whether nothing of what follows such an instruction is sure to be executed next. */
export function endsBlock(form: Form): boolean {
  return programOf(form).effects.some(effect => effect.kind === 'jump' && !effect.when);
}
