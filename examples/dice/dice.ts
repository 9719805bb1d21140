/**
 * A plugin: one device and one machine that has it. It imports virt64 as a program elsewhere would.
 */
import { microvm, use } from 'virt64';
import {
  ComponentName,
  Device,
  device,
  Entropy,
  integer,
  MachineError,
  Options,
  type OptionsOf,
  type PortHandler,
  Ports,
  port,
  restoreState,
  type SavedState,
} from 'virt64/devices';
import { roller } from './roller.ts';

const fewest = 2;
const most = 255;

/** A die on an I/O port. Reading it rolls it; writing a number sets how many sides it has. */
@device('die')
export class Die extends Device {
  static readonly options = {
    port: port().or(0x2d0),
    sides: integer(fewest, most).or(6),
  };

  #sides: number;
  readonly #byte = new Uint8Array(1);

  constructor(
    @Options private readonly given: OptionsOf<typeof Die.options>,
    @ComponentName name: string,
    @Ports ports: Ports,
    @Entropy private readonly entropy: Entropy,
  ) {
    super();
    this.#sides = given.sides;
    const handler: PortHandler = {
      name,
      read: () => this.roll(),
      write: (_port, _size, value) => {
        // What a guest writes is never an error: a die with fewer sides than two stays what it is.
        if ((value & 0xff) >= fewest) this.#sides = value & 0xff;
      },
    };
    ports.claim(given.port, handler);
  }

  /** 1 to the number of sides, each as likely: bytes beyond the last whole multiple are thrown away. */
  roll(): number {
    const fair = 256 - (256 % this.#sides);
    do this.entropy.fill(this.#byte);
    while (this.#byte[0] >= fair);
    return 1 + (this.#byte[0] % this.#sides);
  }

  reset(): void {
    this.#sides = this.given.sides;
  }

  save(): SavedState {
    return { version: 1, sides: this.#sides };
  }

  restore(state: SavedState): void {
    const { sides } = restoreState({ sides: 0 }, state, 1);
    if (!Number.isInteger(sides) || sides < fewest || sides > most) {
      throw new MachineError('bad-state', `a die with ${sides} sides is not possible`, { path: 'sides' });
    }
    this.#sides = sides;
  }

  inspect() {
    return { sides: this.#sides };
  }
}

/** A variant of microvm: the parent and a difference. */
export const casino = microvm.with(
  {
    description: 'microvm with a die at port 0x2d0 and a guest that rolls it',
    memory: '2 MiB',
    devices: { die: use(Die, { sides: 20 }) },
    boot: roller,
  },
  'casino',
);
