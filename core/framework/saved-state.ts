import { MachineError } from './error.ts';

/** Volatile state as plain data: JSON's values, and bytes as Uint8Array. */
export type StateValue = number | boolean | string | null | Uint8Array | readonly StateValue[] | StateFields;

export interface StateFields {
  readonly [name: string]: StateValue;
}

export interface SavedState extends StateFields {
  readonly version: number;
}

/** A deep copy, so that a saved state does not change while the machine runs on. */
export function copyState<T extends StateValue>(value: T): T;
export function copyState(value: StateValue): StateValue {
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return value.map(copyState);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, copyState(field)]));
}

/**
 * Copies a saved state into a device's own record, which must have the same form: a damaged or foreign state changes nothing
 * and becomes a MachineError. Arrays of records are checked by their first element; empty arrays of the record take anything.
 */
export function restoreState<T extends object>(record: T, state: SavedState, version: number): void {
  if (state.version !== version) {
    throw new MachineError('bad-state', `saved state has version ${state.version}, expected ${version}`);
  }
  for (const [name, value] of Object.entries(record)) check(value, state[name], name);
  for (const name of Object.keys(record)) {
    (record as Record<string, StateValue>)[name] = copyState(state[name] as StateValue);
  }
}

function check(form: StateValue, value: unknown, path: string): void {
  const fail = (): never => {
    throw new MachineError('bad-state', 'saved state is damaged', { path });
  };
  if (form instanceof Uint8Array) {
    if (!(value instanceof Uint8Array) || value.length !== form.length) fail();
  } else if (Array.isArray(form)) {
    if (!Array.isArray(value)) return fail();
    if (form.length > 0) value.forEach((element, index) => check(form[0], element, `${path}.${index}`));
  } else if (typeof form === 'object' && form !== null) {
    if (typeof value !== 'object' || value === null) return fail();
    for (const [name, field] of Object.entries(form)) {
      check(field, (value as Record<string, unknown>)[name], `${path}.${name}`);
    }
  } else if (typeof value !== typeof form) {
    fail();
  }
}
