/** A routine as a module of its own, whose only function others import: what they share is compiled, and becomes hot, once. */
import type { Routine } from '../ir/routine.ts';
import { carrier } from './carrier.ts';
import { FunctionBuilder } from './function.ts';
import { ModuleBuilder } from './module.ts';
import type { Target } from './target.ts';
import { ValueWriter } from './values.ts';

export function routineModule({ parameters, body }: Routine): ModuleBuilder {
  const module = new ModuleBuilder();
  const f = new FunctionBuilder(
    parameters.map(width => carrier(width)),
    [carrier(body.width)],
  );
  // It reads its parameters and nothing else, so there is nothing that a target is asked.
  const values = new ValueWriter({ f, module } as Target);
  values.count(body);
  values.push(body);
  module.function(f, 'routine');
  return module;
}
