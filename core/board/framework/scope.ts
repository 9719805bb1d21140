import 'reflect-metadata';
import { container, type DependencyContainer } from 'tsyringe';
import { type Constructor, componentName } from './component.ts';
import { MachineError } from './error.ts';
import { type Service, servicesOf } from './service.ts';

/** What one machine, or one component of it, can be given. Resolved while a machine is built, never while it runs. */
export class Scope {
  readonly #container: DependencyContainer;

  constructor(parent: DependencyContainer = container) {
    this.#container = parent.createChildContainer();
  }

  /** A scope that sees everything of this one and can add to it. */
  child(): Scope {
    return new Scope(this.#container);
  }

  provide<T>(service: Service<T>, instance: NoInfer<T>): this {
    this.#container.registerInstance(service.token, instance);
    return this;
  }

  has(service: Service<unknown>): boolean {
    return this.#container.isRegistered(service.token, true);
  }

  get<T>(service: Service<T>): T {
    if (!this.has(service)) throw missing([service], 'the machine');
    return this.#container.resolve<T>(service.token);
  }

  /** Constructs a component, with the services that its constructor's parameters name. */
  create<T extends object>(type: Constructor<T>): T {
    const lacking = servicesOf(type).filter(service => !this.has(service));
    if (lacking.length > 0) throw missing(lacking, componentName(type) ?? type.name);
    return this.#container.resolve(type as new (...parameters: unknown[]) => T);
  }
}

const missing = (services: readonly Service<unknown>[], who: string): MachineError =>
  new MachineError('missing-service', `${who} needs ${services.map(service => service.label).join(', ')}`, {
    remedy: 'add the component that provides it to the machine',
  });
