/**
 * The board's services as one device has them. What it hands over to be called later (handlers, timers, tasks) is remembered as
 * its own, so that what throws there is laid at its door (core/board/framework/owner.ts).
 */
import type { Constructor } from '../framework/component.ts';
import { answering, type Owner, type Ownership } from '../framework/owner.ts';
import type { Scope } from '../framework/scope.ts';
import { Clock, type Timer } from '../time/clock.ts';
import { type HostTaskResult, HostTasks } from '../time/host-task.ts';
import { TimestampOffsets } from '../time/timestamp-offsets.ts';
import { InterruptControllers } from './interrupt-controller.ts';
import { type InterruptMessage, InterruptMessages } from './interrupt-messages.ts';
import { Mmio } from './mmio.ts';
import type { MmioBus } from './mmio-bus.ts';
import type { MsrBus } from './msr-bus.ts';
import { Msrs } from './msrs.ts';
import { type PciSlotBoard, PciSlots } from './pci-slots.ts';
import type { PortBus } from './port-bus.ts';
import { Ports } from './ports.ts';
import type { WireBoard } from './wire-board.ts';
import { Wires } from './wires.ts';

export interface OwnedBuses {
  readonly ports: PortBus;
  readonly mmio: MmioBus;
  readonly msrs: MsrBus;
  readonly wires: WireBoard;
  readonly pci: PciSlotBoard;
  readonly controllers: InterruptControllers;
  readonly messages: InterruptMessages;
  readonly timestamps: TimestampOffsets;
}

export class OwnedServices implements Ownership {
  constructor(
    private readonly buses: OwnedBuses,
    private readonly shipped: (type: Constructor) => boolean,
  ) {}

  own(scope: Scope, name: string, type: Constructor): Owner {
    const owner: Owner = { name, type, shipped: this.shipped(type) };
    const { ports, mmio, msrs, wires, pci, controllers, messages, timestamps } = this.buses;
    scope
      .provide(Ports, { claim: (range, handler) => ports.claim(range, handler, owner) })
      .provide(Mmio, { claim: (range, handler) => mmio.claim(range, handler, owner) })
      .provide(Msrs, { claim: (range, handler) => msrs.claim(range, handler, owner) })
      .provide(Wires, {
        line: wire => wires.line(wire),
        provide: (controller, pins, pin) => wires.provide(controller, pins, pin, owner),
        relay: (relayed, pins, pin) => wires.relay(relayed, pins, pin, owner),
      })
      .provide(PciSlots, {
        attach: (place, endpoint) => pci.attach(place, endpoint, owner),
        find: place => pci.find(place),
        get endpoints() {
          return pci.endpoints;
        },
      })
      .provide(InterruptControllers, ownedControllers(controllers, owner))
      .provide(InterruptMessages, ownedMessages(messages, owner))
      .provide(TimestampOffsets, {
        get: processor => timestamps.get(processor),
        onChange: listener => timestamps.onChange(owned(owner, 'a change of a time-stamp counter', listener)),
      })
      .provide(Clock, new OwnedClock(scope.get(Clock), owner))
      .provide(HostTasks, new OwnedHostTasks(scope.get(HostTasks), owner));
    return owner;
  }
}

const owned =
  <A, R>(owner: Owner, act: string, action: (given: A) => R): ((given: A) => R) =>
  given =>
    answering(owner, act, () => action(given));

const ownedControllers = (controllers: InterruptControllers, owner: Owner): InterruptControllers => ({
  of: processor => controllers.of(processor),
  install: (processor, controller) => controllers.install(processor, controller),
  get external() {
    return controllers.external;
  },
  installExternal: external => controllers.installExternal(external),
  externalChanged: () => controllers.externalChanged(),
  onExternalChange: listener => controllers.onExternalChange(owned<void, void>(owner, 'an interrupt', listener)),
});

const ownedMessages = (messages: InterruptMessages, owner: Owner): InterruptMessages => ({
  send: message => messages.send(message),
  signal: (address, data) => messages.signal(address, data),
  onSend: receiver => messages.onSend(owned<InterruptMessage, boolean>(owner, 'an interrupt message', receiver)),
  onEnd: listener => messages.onEnd(owned(owner, 'the end of an interrupt', listener)),
  end: vector => messages.end(vector),
});

class OwnedClock implements Clock {
  constructor(
    private readonly clock: Clock,
    private readonly owner: Owner,
  ) {}

  get now(): number {
    return this.clock.now;
  }

  get nextDeadline(): number {
    return this.clock.nextDeadline;
  }

  schedule(at: number, action: () => void): Timer {
    return this.clock.schedule(at, () => answering(this.owner, 'a timer', action));
  }
}

class OwnedHostTasks implements HostTasks {
  constructor(
    private readonly tasks: HostTasks,
    private readonly owner: Owner,
  ) {}

  perform<T>(work: Promise<T>, latency: number, done: (result: HostTaskResult<T>) => void): void {
    this.tasks.perform(work, latency, owned(this.owner, 'the end of a host task', done));
  }
}
