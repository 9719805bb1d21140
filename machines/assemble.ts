/** Puts a profile's devices on a board. The same code serves `validate`, on a board that leads nowhere, and `build`. */
import {
  Board,
  type BoardParts,
  type ByteStream,
  createDevice,
  type Device,
  MachineError,
  RamGuestMemory,
  VirtualClock,
  VirtualHostTasks,
} from '#core';
import * as shippedDevices from '#devices';
import { boardFeaturesMissing } from './board-features.ts';
import { checkAddresses } from './check-addresses.ts';
import { type Finding, findingOf } from './finding.ts';
import type { Profile } from './profile.ts';

const own = new Set<unknown>(Object.values(shippedDevices));
const isShipped = (type: unknown): boolean => own.has(type);

export interface Assembly {
  readonly board: Board;
  readonly devices: ReadonlyMap<string, Device>;
}

function add(board: Board, devices: Map<string, Device>, name: string, profile: Profile, extra: object): void {
  const { type, options } = profile.devices[name];
  devices.set(name, createDevice(board.scope, name, type, { ...options, ...extra } as never));
}

export const assemble = Object.assign(
  /** `extra`: options that only the machine knows, by device (the console's stream). Throws the first mistake. */
  (profile: Profile, parts: BoardParts, extra: Readonly<Record<string, object>> = {}): Assembly => {
    const board = new Board({ shipped: isShipped, ...parts });
    const devices = new Map<string, Device>();
    for (const name of Object.keys(profile.devices)) add(board, devices, name, profile, extra[name] ?? {});
    const [dangling] = board.wires.dangling;
    if (dangling !== undefined) throw danglingWire(profile, dangling);
    const [absent] = boardFeaturesMissing(profile, board.msrs);
    if (absent) throw absent;
    return { board, devices };
  },
  {
    /** Every mistake, not just the first: a device that cannot be built is left out of the rest. */
    check(profile: Profile): readonly Finding[] {
      const findings: Finding[] = [];
      const board = new Board(nowhere(profile.processors));
      const devices = new Map<string, Device>();
      for (const name of Object.keys(profile.devices)) {
        try {
          add(board, devices, name, profile, withoutStreams(profile.devices[name].options));
        } catch (error) {
          if (!(error instanceof MachineError)) throw error;
          findings.push(findingOf(error, `devices.${name}`));
        }
      }
      for (const wire of findings.length ? [] : board.wires.dangling) {
        findings.push(findingOf(danglingWire(profile, wire), 'devices'));
      }
      findings.push(...boardFeaturesMissing(profile, board.msrs).map(error => findingOf(error, 'cpu')));
      findings.push(...checkAddresses(profile, board.mmio.owners));
      return findings;
    },
  },
);

/** A checked device must not take what was typed for the one that will be built. */
const withoutStreams = (options: object): object =>
  Object.fromEntries(
    Object.entries(options)
      .filter(([, value]) => typeof value === 'object' && value !== null && 'onInput' in value)
      .map(([name]) => [name, silent]),
  );
const silent: ByteStream = { write() {}, onInput() {} };

const danglingWire = (profile: Profile, wire: string): MachineError =>
  new MachineError('dangling-wire', `nothing provides the wire ${wire}`, {
    path: wireOwner(profile, wire),
    remedy: 'add its controller, or name a pin that it has',
  });

/** The option that names the wire: `devices.com1.irq`. */
function wireOwner(profile: Profile, wire: string): string {
  for (const [name, { options }] of Object.entries(profile.devices)) {
    const option = Object.entries(options).find(
      ([, value]) => value === wire || (Array.isArray(value) && value.includes(wire)),
    );
    if (option) return `devices.${name}.${option[0]}`;
  }
  return 'devices';
}

/** Parts of a board that is never run. */
function nowhere(processors: number): BoardParts {
  const clock = new VirtualClock({ ticks: 0 });
  return {
    clock,
    memory: new RamGuestMemory([{ base: 0, bytes: new Uint8Array(0x1000) }]),
    power: { powerOff() {}, reset() {}, exit() {} },
    processors: { count: processors, init() {}, startup() {} },
    hostTasks: new VirtualHostTasks(clock),
  };
}
