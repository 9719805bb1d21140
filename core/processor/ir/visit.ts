/** What a program's effects refer to. */
import type { Address, Effect, Program } from './effect.ts';
import { flagNames, Value } from './value.ts';

const addressValues = (address: Address): Value[] => {
  if (address.kind === 'implicit') return [address.offset];
  return address.plus ? [address.plus] : [];
};

/** Values that an effect uses directly (results that it makes are not among them). */
export function valuesOf(effect: Effect): Value[] {
  const when = 'when' in effect && effect.when ? [effect.when] : [];
  switch (effect.kind) {
    case 'load':
    case 'probe':
      return addressValues(effect.address);
    case 'store':
      return [...addressValues(effect.address), effect.value];
    case 'update':
      return [...addressValues(effect.address), effect.after];
    case 'set':
      return effect.place.kind === 'element' ? [effect.place.index, effect.value] : [effect.value];
    case 'flags': {
      const { result } = effect.flags;
      const single = flagNames.map(name => effect.flags[name]).filter(value => value instanceof Value);
      return [...when, ...(result ? [result] : []), ...single];
    }
    case 'jump':
      return [...when, effect.target];
    case 'call':
      return [...when, ...effect.inputs];
    case 'raise':
    case 'finish':
    case 'again':
      return when;
    case 'window':
    case 'bulk':
      return [];
  }
}

/** Every value of a program once, inputs before their users. */
export function allValues({ effects }: Program): Value[] {
  const found = new Set<Value>();
  const visit = (value: Value): void => {
    if (found.has(value)) return;
    value.inputs.forEach(visit);
    found.add(value);
  };
  for (const effect of effects) valuesOf(effect).forEach(visit);
  return [...found];
}
