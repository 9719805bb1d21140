import './reflect.ts';
import { container, type DependencyContainer } from 'tsyringe';
import { type Constructor, componentName } from './component.ts';
import { MachineError } from './error.ts';
import { listedServices, parametersOf, type Service } from './service.ts';

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

  /** Constructs a component, with the services that its constructor's parameters name, by decorators or in `static services`. */
  create<T extends object>(type: Constructor<T>): T {
    const parameters = parametersOf(type);
    const who = componentName(type) ?? type.name;
    const nameless = parameters.indexOf(undefined);
    if (nameless >= 0) throw unnamed(who, nameless + 1);
    const services = parameters as readonly Service<unknown>[];
    const lacking = services.filter(service => !this.has(service));
    if (lacking.length > 0) throw missing(lacking, who);
    if (!listedServices(type)) return this.#container.resolve(type as new (...parameters: unknown[]) => T);
    return new (type as new (...parameters: unknown[]) => T)(...services.map(service => this.get(service)));
  }
}

const unnamed = (who: string, parameter: number): MachineError =>
  new MachineError('missing-service', `parameter ${parameter} of ${who}'s constructor names no service`, {
    remedy:
      'list a service for each parameter: static services = [Options, Ports]; or decorate it: @Ports ports: Ports',
  });

const missing = (services: readonly Service<unknown>[], who: string): MachineError =>
  new MachineError('missing-service', `${who} needs ${services.map(service => service.label).join(', ')}`, {
    remedy: 'add the component that provides it to the machine',
  });
