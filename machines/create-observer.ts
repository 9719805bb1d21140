/** Builds an observer of a class that a plugin brings. */
import { ComponentName, MachineError, type OptionSchema, Options, parseOptions, Scope } from '#core';
import type { Observer } from './observer.ts';

/** Its constructor may ask for Options and ComponentName; options have their defaults. */
export interface ObserverClass {
  new (...parameters: never[]): Observer;
  readonly options?: OptionSchema;
}

export function createObserver(name: string, type: ObserverClass): Observer {
  const options = parseOptions(type.options ?? {}, {}, `observers.${name}`);
  try {
    return new Scope().provide(Options, options).provide(ComponentName, name).create(type);
  } catch (cause) {
    if (cause instanceof MachineError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new MachineError('bad-observer', `the observer ${name} cannot be built: ${message}`, {
      path: `observers.${name}`,
      remedy: 'this is a mistake in its constructor',
      cause,
    });
  }
}
