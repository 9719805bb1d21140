import './reflect.ts';
import { inject } from 'tsyringe';

/** A service is an interface and a constant of the same name, so that `@Clock clock: Clock` says it all. */
export type Service<T> = ParameterDecorator & {
  readonly token: symbol;
  readonly label: string;
  readonly provides?: T;
};

/** What the constructor's parameters name, by position. */
const decorated = new WeakMap<object, (Service<unknown> | undefined)[]>();

/** tsx emits no decorator metadata, so tokens are explicit: the decorator itself is the token. */
export function service<T>(label: string): Service<T> {
  const token = Symbol(label);
  const decorate: ParameterDecorator = (target, key, index) => {
    inject(token)(target, key, index);
    const parameters = decorated.get(target) ?? [];
    parameters[index] = self as Service<unknown>;
    decorated.set(target, parameters);
  };
  const self: Service<T> = Object.assign(decorate, { token, label });
  return self;
}

/** The services of a class that lists them itself, in the order of its constructor's parameters: `static services = [Options, Ports]`. */
export function listedServices(type: object): readonly unknown[] | undefined {
  const { services } = type as { readonly services?: unknown };
  return Array.isArray(services) ? services : undefined;
}

export const isService = (value: unknown): value is Service<unknown> =>
  typeof value === 'function' && typeof (value as Partial<Service<unknown>>).token === 'symbol';

/** What each parameter of a component's constructor asks for, as far as it says so: undefined is a parameter that names no service. */
export function parametersOf(type: object): readonly (Service<unknown> | undefined)[] {
  const named = listedServices(type)?.map(each => (isService(each) ? each : undefined)) ?? decorated.get(type) ?? [];
  return Array.from({ length: Math.max(named.length, (type as { length?: number }).length ?? 0) }, (_, n) => named[n]);
}

/** The services that a component's constructor asks for. */
export const servicesOf = (type: object): readonly Service<unknown>[] =>
  parametersOf(type).filter(each => each !== undefined);
