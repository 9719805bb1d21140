/**
 * What firmware does before an operating system looks: gives every function its addresses and its interrupt line. By asking the
 * functions themselves, through configuration space.
 */
import { MachineError, type PciEndpoint, type PciSlots } from '#core';
import { BarType, Command, Register } from './registers.ts';

export interface Windows {
  readonly memory: { readonly base: number; readonly size: number };
  readonly ports: { readonly base: number; readonly size: number };
  /** The interrupt line of a device's pin. */
  readonly interruptLine: (device: number, pin: number) => number;
}

interface Request {
  readonly endpoint: PciEndpoint;
  readonly register: number;
  readonly size: number;
  readonly kind: 'memory' | 'ports';
}

export function assignResources(slots: PciSlots, windows: Windows): void {
  const requests = slots.endpoints.flatMap(({ endpoint }) => requestsOf(endpoint));
  for (const kind of ['memory', 'ports'] as const) {
    // The largest first: then every one is aligned to its own size, without gaps.
    const sorted = requests.filter(request => request.kind === kind).sort((left, right) => right.size - left.size);
    let next = windows[kind].base;
    for (const { endpoint, register, size } of sorted) {
      const base = Math.ceil(next / size) * size;
      next = base + size;
      if (next > windows[kind].base + windows[kind].size) throw tooMuch(endpoint, kind);
      endpoint.writeConfiguration(register, 4, base);
    }
  }
  for (const { endpoint, place } of slots.endpoints) {
    const kinds = new Set(requests.filter(request => request.endpoint === endpoint).map(({ kind }) => kind));
    const command = (kinds.has('memory') ? Command.memory : 0) | (kinds.has('ports') ? Command.ports : 0);
    endpoint.writeConfiguration(Register.command, 2, command);
    const pin = endpoint.readConfiguration(Register.interruptPin, 1);
    if (pin) endpoint.writeConfiguration(Register.interruptLine, 1, windows.interruptLine(place >> 3, pin));
  }
}

/** Sizing (PCI 3.0, 6.2.5.1): the lowest bit that can be written is the size. */
function requestsOf(endpoint: PciEndpoint): Request[] {
  const requests: Request[] = [];
  for (let register: number = Register.bars; register < Register.bars + 24; register += 4) {
    const low = probe(endpoint, register);
    if (low === 0) continue;
    const kind = low & BarType.ports ? 'ports' : 'memory';
    const mask = (low & ~(kind === 'ports' ? 3 : 15)) >>> 0;
    const wide = kind === 'memory' && (low & BarType.memory64) !== 0;
    const high = wide ? probe(endpoint, register + 4) : 0;
    const size = mask ? lowestBit(mask) : lowestBit(high) * 2 ** 32;
    requests.push({ endpoint, register, size, kind });
    if (wide) register += 4;
  }
  return requests;
}

function probe(endpoint: PciEndpoint, register: number): number {
  const before = endpoint.readConfiguration(register, 4);
  endpoint.writeConfiguration(register, 4, 0xffff_ffff);
  const answer = endpoint.readConfiguration(register, 4);
  endpoint.writeConfiguration(register, 4, before);
  return answer;
}

const lowestBit = (mask: number): number => (mask & -mask) >>> 0;

const tooMuch = (endpoint: PciEndpoint, kind: string): MachineError =>
  new MachineError(
    'does-not-fit',
    `there is no room left for the ${kind} of ${endpoint.name} below the PCI host bridge`,
    {
      path: `devices.${endpoint.name}`,
      remedy: 'give the machine fewer or smaller PCI devices',
    },
  );
