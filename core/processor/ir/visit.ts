/** What a program's effects refer to. */
import type { Address, Effect, FlagUpdate, Program } from './effect.ts';
import type { Value } from './value.ts';

const addressValues = (address: Address): Value[] => {
  if (address.kind === 'implicit') return [address.offset];
  return address.plus ? [address.plus] : [];
};

/** The values that an effect uses directly, its condition last. Results that it makes are not among them. */
export function valuesOf(effect: Effect): Value[] {
  const when = 'when' in effect && effect.when ? [effect.when] : [];
  switch (effect.kind) {
    case 'load':
    case 'probe':
      return addressValues(effect.address);
    case 'store':
      return [...addressValues(effect.address), effect.value, ...(effect.high ? [effect.high] : [])];
    case 'update':
      return [...addressValues(effect.address), effect.after];
    case 'set':
      return effect.place.kind === 'element' ? [effect.place.index, effect.value] : [effect.value];
    case 'flags':
      return [...Object.values(effect.flags as FlagUpdate).filter(value => value !== undefined), ...when];
    case 'jump':
      return [effect.target, ...when];
    case 'call':
      return [...effect.inputs, ...when];
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
