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
export const copyState = <T>(value: T): T => copy(value as StateValue) as T;

function copy(value: StateValue): StateValue {
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return value.map(copy);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, copy(field)]));
}

/**
 * A device's record out of a saved state, which must have the form of `form`, the record's initial value; a damaged or foreign
 * state becomes a MachineError. Arrays keep their length, except that one which is empty at first may hold any count of numbers.
 */
export function restoreState<T extends object>(form: T, state: SavedState, version: number): T {
  if (state.version !== version) {
    throw new MachineError('bad-state', `saved state has version ${state.version}, expected ${version}`);
  }
  for (const [name, value] of Object.entries(form)) {
    const place = damage(value, state[name], name);
    if (place) throw damaged(place);
  }
  return Object.fromEntries(Object.keys(form).map(name => [name, copyState(state[name])])) as T;
}

export const damaged = (path: string): MachineError =>
  new MachineError('bad-state', 'saved state is damaged', { path });

/** The integers that a field, or each element of one, may have; with fractions, what lies between them too. */
export type StateRange = readonly [minimum: number, maximum: number, 'fractions'?];
export type StateRanges<T> = { readonly [K in keyof T]?: StateRange };

export const byteRange = [0, 0xff] as const;
export const wordRange = [0, 0xffff] as const;
/** What JavaScript's bit operations give may be negative. */
export const longRange = [-(2 ** 31), 2 ** 32 - 1] as const;
/** Moments and counts of a clock; -1 for none. */
export const timeRange = [-1, Number.MAX_SAFE_INTEGER, 'fractions'] as const;

/** A restored record whose numbers are such as the device itself could have saved: others might lead it astray. */
export function requireRanges<T extends object>(record: T, ranges: StateRanges<T>, path = ''): T {
  for (const [name, [minimum, maximum, fractions]] of Object.entries(ranges) as [keyof T & string, StateRange][]) {
    const value: unknown = record[name];
    const isInside = (each: unknown): boolean =>
      (fractions ? Number.isFinite(each) : Number.isInteger(each)) &&
      (each as number) >= minimum &&
      (each as number) <= maximum;
    if (!(Array.isArray(value) ? value.every(isInside) : isInside(value))) throw damaged(path + name);
  }
  return record;
}

/** Where a value differs from the form that is expected of it. */
function damage(form: StateValue, value: unknown, path: string): string | undefined {
  if (form instanceof Uint8Array) {
    return value instanceof Uint8Array && value.length === form.length ? undefined : path;
  }
  if (Array.isArray(form)) {
    if (!Array.isArray(value) || (form.length > 0 && value.length !== form.length)) return path;
    return first(value.map((element, index) => damage(form[0] ?? 0, element, `${path}.${index}`)));
  }
  if (typeof form === 'object' && form !== null) {
    if (typeof value !== 'object' || value === null) return path;
    const fields = value as Record<string, unknown>;
    return first(Object.entries(form).map(([name, field]) => damage(field, fields[name], `${path}.${name}`)));
  }
  if (typeof form === 'number') return Number.isFinite(value) ? undefined : path;
  return typeof value === typeof form ? undefined : path;
}

const first = (places: readonly (string | undefined)[]): string | undefined =>
  places.find(place => place !== undefined);
