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

const origins = new WeakMap<object, string>();

/** The file or package that a component was loaded from; undefined for what was not loaded from a plugin. */
export const componentOrigin = (type: object): string | undefined => origins.get(type);
export const setComponentOrigin = (type: object, origin: string): void => {
  origins.set(type, origin);
};

/** `device:pit` for a decorated class, undefined for any other. */
export const componentName = (type: object): string | undefined => names.get(type);
