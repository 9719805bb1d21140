/** A counter on an I/O port: a read answers how often it was read since power-on, a write sets the count. */
import { microvm, use } from 'virt64';
import {
  ComponentName,
  Device,
  MachineError,
  Options,
  type OptionsOf,
  Ports,
  port,
  restoreState,
  type SavedState,
} from 'virt64/devices';

export class Sample extends Device {
  static readonly device = 'sample';
  /** Checked when a machine is built; `or` is the default. */
  static readonly options = { port: port().or(0x2d0) };
  /** What the constructor is given, in this order. */
  static readonly services = [Options, ComponentName, Ports];

  #count = 0;

  constructor(options: OptionsOf<typeof Sample.options>, name: string, ports: Ports) {
    super();
    ports.claim(options.port, {
      name,
      read: () => ++this.#count & 0xff,
      write: (_port, _size, value) => {
        this.#count = value & 0xff;
      },
    });
  }

  reset(): void {
    this.#count = 0;
  }

  save(): SavedState {
    return { version: 1, count: this.#count };
  }

  restore(state: SavedState): void {
    const { count } = restoreState({ count: 0 }, state, 1);
    if (!Number.isInteger(count) || count < 0)
      throw new MachineError('bad-state', `${count} is no count`, { path: 'count' });
    this.#count = count;
  }

  inspect() {
    return { count: this.#count };
  }
}

/** A machine that has the device. */
export const machine = microvm.with(
  { description: 'microvm with a counter at port 0x2d0', devices: { counter: use(Sample, {}) } },
  'sample-machine',
);
