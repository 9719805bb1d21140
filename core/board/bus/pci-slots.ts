import { MachineError } from '../framework/error.ts';
import type { Owner } from '../framework/owner.ts';
import { service } from '../framework/service.ts';
import type { Range } from '../memory/range-map.ts';
import type { Claim } from './claim.ts';
import type { InterruptLine } from './interrupt-line.ts';
import type { InterruptMessages } from './interrupt-messages.ts';
import type { MmioHandler } from './mmio.ts';
import type { MmioBus } from './mmio-bus.ts';
import { OwnedEndpoint } from './owned-endpoint.ts';
import type { PciEndpoint } from './pci-endpoint.ts';
import type { PortBus } from './port-bus.ts';
import type { PortHandler } from './ports.ts';
import type { Wires } from './wires.ts';

/** The wires INTA to INTD of slot 0, as the host bridge relays them; each slot rotates by one. */
export const pciInterrupts = 'pci-interrupts';

/** The bus's side of a slot. */
export interface PciConnection {
  /** The wire of an interrupt pin, 1 (INTA) to 4 (INTD). */
  interrupt(pin: number): InterruptLine;
  signal(address: number, data: number): boolean;
  /** undefined if another owner has any of the range: guests may move things on top of each other. */
  claimMemory(range: Range, handler: MmioHandler): Claim | undefined;
  claimPorts(range: Range, handler: PortHandler): Claim | undefined;
  /** What an endpoint decodes has changed: each gets another chance at its addresses, in the order of slots. */
  redecode(): void;
}

/** Bus 0: 32 devices of 8 functions. They may be attached before there is a host bridge; `place` is device * 8 + function. */
export interface PciSlots {
  /** Throws a MachineError if the slot is taken. */
  attach(place: number, endpoint: PciEndpoint): PciConnection;
  find(place: number): PciEndpoint | undefined;
  /** In the order of places. */
  readonly endpoints: readonly { readonly place: number; readonly endpoint: PciEndpoint }[];
}

export const PciSlots = service<PciSlots>('PciSlots');

/** The buses that lie behind the slots. */
export interface PciSurroundings {
  readonly ports: Pick<PortBus, 'claim'>;
  readonly mmio: Pick<MmioBus, 'claim'>;
  readonly wires: Wires;
  readonly messages: InterruptMessages;
}

export class PciSlotBoard implements PciSlots {
  readonly #places: (PciEndpoint | undefined)[] = new Array(256).fill(undefined);

  constructor(private readonly buses: PciSurroundings) {}

  find(place: number): PciEndpoint | undefined {
    return this.#places[place];
  }

  get endpoints() {
    return this.#places.flatMap((endpoint, place) => (endpoint ? [{ place, endpoint }] : []));
  }

  /** `owner` answers for what the endpoint and its handlers throw. */
  attach(place: number, endpoint: PciEndpoint, owner?: Owner): PciConnection {
    const other = this.#places[place];
    if (other) {
      throw new MachineError('overlap', `${endpoint.name} wants the PCI slot ${show(place)}, where ${other.name} is`, {
        path: `devices.${endpoint.name}.slot`,
        remedy: 'give one of the two another slot',
      });
    }
    this.#places[place] = owner ? new OwnedEndpoint(endpoint, owner) : endpoint;
    const siblings = this.endpoints.filter(each => each.place >> 3 === place >> 3);
    for (const sibling of siblings) sibling.endpoint.multiFunction = siblings.length > 1;
    const { ports, mmio, wires, messages } = this.buses;
    return {
      interrupt: pin => wires.line(`${pciInterrupts}@${((place >> 3) + pin - 1) & 3}`),
      signal: (address, data) => messages.signal(address, data),
      claimMemory: (range, handler) => unlessTaken(() => mmio.claim(range, handler, owner)),
      claimPorts: (range, handler) => unlessTaken(() => ports.claim(range, handler, owner)),
      redecode: () => this.#redecode(),
    };
  }

  #redecode(): void {
    for (const endpoint of this.#places) endpoint?.conceal();
    for (const endpoint of this.#places) endpoint?.decode();
  }
}

function unlessTaken(claim: () => Claim): Claim | undefined {
  try {
    return claim();
  } catch (error) {
    if (error instanceof MachineError && error.code === 'overlap') return undefined;
    throw error;
  }
}

const show = (place: number): string => `00:${(place >> 3).toString(16).padStart(2, '0')}.${place & 7}`;
