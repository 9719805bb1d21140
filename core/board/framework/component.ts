import './reflect.ts';
import { injectable } from 'tsyringe';

export type Constructor<T extends object = object> = new (...parameters: never[]) => T;

const names = new WeakMap<object, string>();

/** Makes the decorator of one kind of component: `@device('pit')`, `@backend('svm')`. */
export const component =
  (kind: string) =>
  (name: string) =>
  (type: Constructor): void => {
    names.set(type, `${kind}:${name}`);
    injectable()(type as new (...parameters: unknown[]) => object);
  };

const origins = new WeakMap<object, string>();

/** The file or package that a component was loaded from; undefined for what was not loaded from a plugin. */
export const componentOrigin = (type: object): string | undefined => origins.get(type);
export const setComponentOrigin = (type: object, origin: string): void => {
  origins.set(type, origin);
};

/** Kinds of components that a class may be without a decorator: `static device = 'pit'` says what `@device('pit')` does. */
const kinds = ['device', 'observer'] as const;

/** `device:pit` for a class that says what it is, by a decorator or a static field of its own; undefined for any other. */
export function componentName(type: object): string | undefined {
  const decorated = names.get(type);
  if (decorated !== undefined || typeof type !== 'function') return decorated;
  const kind = kinds.find(each => Object.hasOwn(type, each));
  const name = kind && (type as unknown as Record<string, unknown>)[kind];
  return typeof name === 'string' && name !== '' ? `${kind}:${name}` : undefined;
}
