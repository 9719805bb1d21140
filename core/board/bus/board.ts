import type { Constructor } from '../framework/component.ts';
import { Ownership } from '../framework/owner.ts';
import { Scope } from '../framework/scope.ts';
import { Entropy, SeededEntropy } from '../host/entropy.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import { Clock } from '../time/clock.ts';
import { HostTasks } from '../time/host-task.ts';
import { ProcessorTimestampOffsets, TimestampOffsets } from '../time/timestamp-offsets.ts';
import { FixedWallClock, WallClock } from '../time/wall-clock.ts';
import { A20Gate } from './a20-gate.ts';
import { InterruptControllers } from './interrupt-controller.ts';
import { ControllerSlots } from './interrupt-controllers.ts';
import { InterruptMessages, MessageBus } from './interrupt-messages.ts';
import { Mmio } from './mmio.ts';
import { MmioBus } from './mmio-bus.ts';
import { MsrBus } from './msr-bus.ts';
import { Msrs } from './msrs.ts';
import { OwnedServices } from './owned-services.ts';
import { PciSlotBoard, PciSlots } from './pci-slots.ts';
import { PortBus } from './port-bus.ts';
import { Ports } from './ports.ts';
import { Power, type PowerControl } from './power-control.ts';
import { ProcessorSignals } from './processor-signals.ts';
import { WireBoard } from './wire-board.ts';
import { Wires } from './wires.ts';

/** What a board cannot make for itself. */
export interface BoardParts {
  readonly clock: Clock;
  readonly memory: GuestMemory;
  readonly power: PowerControl;
  readonly processors: ProcessorSignals;
  readonly hostTasks: HostTasks;
  readonly wallClock?: WallClock;
  readonly entropy?: Entropy;
  /** Device classes that come with virt64. What others throw is their own mistake (`bad-device`). Default: none. */
  readonly shipped?: (type: Constructor) => boolean;
}

/** The buses of one machine, and the scope in which its devices are built. */
export class Board {
  readonly ports = new PortBus();
  readonly mmio = new MmioBus();
  readonly msrs = new MsrBus();
  readonly wires = new WireBoard();
  readonly controllers = new ControllerSlots();
  readonly messages = new MessageBus();
  readonly timestamps = new ProcessorTimestampOffsets();
  readonly a20: A20Gate = { enabled: true };
  readonly pci = new PciSlotBoard(this);
  readonly scope: Scope;

  constructor(parts: BoardParts, parent = new Scope()) {
    this.scope = parent
      .child()
      .provide(Ports, this.ports)
      .provide(Mmio, this.mmio)
      .provide(Msrs, this.msrs)
      .provide(Wires, this.wires)
      .provide(InterruptControllers, this.controllers)
      .provide(InterruptMessages, this.messages)
      .provide(TimestampOffsets, this.timestamps)
      .provide(A20Gate, this.a20)
      .provide(PciSlots, this.pci)
      .provide(Clock, parts.clock)
      .provide(GuestMemory, parts.memory)
      .provide(Power, parts.power)
      .provide(ProcessorSignals, parts.processors)
      .provide(HostTasks, parts.hostTasks)
      .provide(WallClock, parts.wallClock ?? new FixedWallClock(parts.clock))
      .provide(Entropy, parts.entropy ?? new SeededEntropy())
      .provide(Ownership, new OwnedServices(this, parts.shipped ?? (() => false)));
  }
}
