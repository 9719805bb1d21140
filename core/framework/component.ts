import 'reflect-metadata';
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

/** `device:pit` for a decorated class, undefined for any other. */
export const componentName = (type: object): string | undefined => names.get(type);
