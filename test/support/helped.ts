/** Programs that leave everything that a helper knows to the helper: what fast ways are compared with. */
import type { Effect, Program } from '../../core/processor/ir/effect.ts';
import { Value, yes } from '../../core/processor/ir/value.ts';
import type { Form } from '../../core/processor/isa/form.ts';
import { trace } from '../../core/processor/isa/trace.ts';

/** What decides whether the helper is called is taken to be so. */
export function helped(form: Form): Program {
  const program = trace(form);
  const call = program.effects.find(
    effect => effect.kind === 'call' && !effect.helper.startsWith('check') && effect.when !== undefined,
  );
  if (call?.kind !== 'call') return program;
  const replace = (value: Value): Value => {
    if (value === call.when) return yes;
    if (value.inputs.length === 0) return value;
    return new Value(value.operation, value.width, value.inputs.map(replace), value.detail);
  };
  const effects = program.effects.map((effect): Effect => {
    if (effect.kind === 'call' && effect.when === call.when) return { ...effect, when: yes };
    if (effect.kind === 'finish') return { ...effect, when: replace(effect.when) };
    return effect.kind === 'store' ? { ...effect, value: replace(effect.value) } : effect;
  });
  return { effects };
}
