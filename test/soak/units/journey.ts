/** One machine's life in several places: runs to its end, with moves and a reset at given moments of guest time. */
import type { Machine, MachineState } from '#machines';
import type { Configuration } from '../configuration.ts';

export interface Arrival {
  /** How it ended, and when. */
  readonly end: string;
  readonly log: string;
  readonly moves: number;
}

/** A guest that is not over by then never will be. */
const longest = 120e9;

export class Journey {
  #log = '';
  #current: Machine;
  #moves = 0;

  constructor(
    private readonly machines: readonly Machine[],
    private readonly carry: (state: MachineState) => MachineState,
  ) {
    for (const machine of machines)
      machine.serial.events.on('output', bytes => {
        this.#log += Buffer.from(bytes).toString('latin1');
      });
    this.#current = machines[0];
  }

  async run({ ending, resetAt }: Configuration, gaps: readonly number[]): Promise<Arrival> {
    let resets = ending === 'powerOff' ? 1 : 0;
    const waiting = [...gaps];
    let moveAt = waiting.shift() ?? longest;
    for (;;) {
      const due = Math.min(moveAt, ending === 'reset' && resets === 0 ? resetAt : longest, longest);
      const { kind, ...details } = await this.#current.run({ timeout: Math.max(due - this.#current.now, 0) });
      if (kind === 'timeout' && due < longest) {
        if (ending === 'reset' && resets === 0 && due === resetAt) {
          resets++;
          this.#current.reset();
        } else {
          this.#move();
          moveAt += waiting.shift() ?? longest;
        }
      } else if (kind === 'reset' && ending === 'reboot' && resets === 0) {
        resets++;
        this.#current.reset();
      } else {
        const more = Object.keys(details).length > 0 ? ` ${JSON.stringify(details)}` : '';
        return { end: `${kind}${more} at ${this.#current.now}`, log: this.#log, moves: this.#moves };
      }
    }
  }

  #move(): void {
    const target = this.machines[++this.#moves % this.machines.length];
    target.restore(this.carry(this.#current.save()));
    this.#current = target;
  }
}
