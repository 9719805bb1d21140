import 'reflect-metadata';
import { inject } from 'tsyringe';

/** A service is an interface and a constant of the same name, so that `@Clock clock: Clock` says it all. */
export type Service<T> = ParameterDecorator & {
  readonly token: symbol;
  readonly label: string;
  readonly provides?: T;
};

const needs = new WeakMap<object, Service<unknown>[]>();

/** tsx emits no decorator metadata, so tokens are explicit: the decorator itself is the token. */
export function service<T>(label: string): Service<T> {
  const token = Symbol(label);
  const decorate: ParameterDecorator = (target, key, index) => {
    inject(token)(target, key, index);
    needs.set(target, [...(needs.get(target) ?? []), self as Service<unknown>]);
  };
  const self: Service<T> = Object.assign(decorate, { token, label });
  return self;
}

/** The services that a component's constructor asks for, in no particular order. */
export const servicesOf = (type: object): readonly Service<unknown>[] => needs.get(type) ?? [];
