/** Observers of one machine: each kind of event is looked for only while somebody wants it. */
import type { Exit } from '#accelerators';
import { type Board, MachineError } from '#core';
import type { InterruptHook } from './observed-controller.ts';
import { type ObservedKind, type Observer, type ObserverEvents, observedKinds } from './observer.ts';
import type { SerialConsole } from './serial-console.ts';

/** What the scheduler tells of. */
export interface RunHooks {
  /** The processor that runs; -1: none. */
  readonly current: number;
  onExit: ((processor: number, exit: Exit) => void) | undefined;
  onSignal: ((kind: 'init' | 'startup', processor: number, vector: number) => void) | undefined;
}

export interface ObservationParts {
  readonly board: Pick<Board, 'ports' | 'mmio' | 'msrs'>;
  readonly interrupts: InterruptHook;
  readonly scheduler: RunHooks;
  readonly serial: Pick<SerialConsole, 'events'>;
  /** What guests look for in vain, by port. */
  readonly absent: Readonly<Record<number, string>>;
  readonly now: () => number;
}

type Kinds = { readonly [K in ObservedKind]: (on: boolean) => void };

export class Observation {
  readonly #observers = new Set<Observer>();
  readonly #on = new Set<ObservedKind>();
  readonly #switches: Kinds;
  /** What an observer threw; told at the end of a slice. */
  #failure: MachineError | undefined;

  constructor(private readonly parts: ObservationParts) {
    this.#switches = switches(parts, (kind, event) => this.#tell(kind, event));
  }

  add(observer: Observer): Disposable {
    if (typeof observer !== 'object' || observer === null || !observedKinds.some(kind => observer[kind]))
      throw new MachineError('bad-argument', 'an observer has a method for one kind of event at least', {
        remedy: `the kinds are ${observedKinds.join(', ')}`,
      });
    this.#observers.add(observer);
    this.#refresh();
    return { [Symbol.dispose]: () => this.#remove(observer) };
  }

  /** The machine is powered on again. */
  reset(): void {
    if (this.#on.has('reset')) this.#tell('reset', { time: this.parts.now(), kind: 'machine' });
  }

  /** What an observer has thrown since the last time. */
  takeFailure(): MachineError | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  /** The machine is no more. */
  end(): void {
    for (const observer of [...this.#observers]) this.#remove(observer);
  }

  #remove(observer: Observer): void {
    if (!this.#observers.delete(observer)) return;
    this.#refresh();
    this.#guarded(observer, 'end', () => observer.end?.());
  }

  #refresh(): void {
    for (const kind of observedKinds) {
      const wanted = [...this.#observers].some(observer => observer[kind]);
      if (wanted === this.#on.has(kind)) continue;
      if (wanted) this.#on.add(kind);
      else this.#on.delete(kind);
      this.#switches[kind](wanted);
    }
  }

  #tell<K extends ObservedKind>(kind: K, event: ObserverEvents[K]): void {
    for (const observer of this.#observers)
      this.#guarded(observer, kind, () =>
        (observer[kind] as ((event: ObserverEvents[K]) => void) | undefined)?.call(observer, event),
      );
  }

  /** The guest must not feel an observer's mistake: in the midst of an instruction nothing is thrown. */
  #guarded(observer: Observer, what: string, action: () => void): void {
    try {
      action();
    } catch (cause) {
      this.fail('an observer', what, cause);
      this.#remove(observer);
    }
  }

  /** Somebody who looks on has thrown, and has been taken away. */
  fail(who: string, what: string, cause: unknown): void {
    const message = cause instanceof Error ? cause.message : String(cause);
    this.#failure ??= new MachineError('bad-observer', `${who} failed in ${what}: ${message}`, {
      remedy: 'this is a mistake of its own, and it has been taken away; the machine can go on',
      cause,
    });
  }
}

type Tell = <K extends ObservedKind>(kind: K, event: ObserverEvents[K]) => void;

/** How each kind is looked for, and how no longer. */
function switches({ board, interrupts, scheduler, serial, absent, now }: ObservationParts, tell: Tell): Kinds {
  const { ports, mmio, msrs } = board;
  const running = (): { processor?: number } => (scheduler.current < 0 ? {} : { processor: scheduler.current });
  const claimed = (device: string | undefined): { device?: string } => (device === undefined ? {} : { device });
  const output = (bytes: Uint8Array): void => tell('console', { time: now(), ...running(), kind: 'out', bytes });
  const input = (bytes: Uint8Array): void => tell('console', { time: now(), kind: 'in', bytes });
  return {
    port: on =>
      ports.observe(
        on
          ? ({ owner, ...access }) => {
              const missed = owner === undefined ? absent[access.port] : undefined;
              const event = { time: now(), ...running(), ...access, ...claimed(owner) };
              tell('port', missed === undefined ? event : { ...event, absent: missed });
            }
          : undefined,
      ),
    mmio: on =>
      mmio.observe(
        on ? ({ owner, ...access }) => tell('mmio', { time: now(), ...access, ...claimed(owner) }) : undefined,
      ),
    msr: on =>
      msrs.observe(
        on ? ({ owner, ...access }) => tell('msr', { time: now(), ...access, ...claimed(owner) }) : undefined,
      ),
    interrupt: on => {
      interrupts.taken = on
        ? (kind, processor, vector) => tell('interrupt', { time: now(), processor, kind, vector })
        : undefined;
    },
    exit: on => {
      scheduler.onExit = on ? (processor, exit) => tell('exit', { time: now(), processor, exit }) : undefined;
    },
    reset: on => {
      scheduler.onSignal = on
        ? (kind, processor, vector) =>
            tell('reset', { time: now(), processor, kind, ...(kind === 'startup' ? { vector } : {}) })
        : undefined;
    },
    console: on => {
      if (on) serial.events.on('output', output).on('input', input);
      else serial.events.off('output', output).off('input', input);
    },
  };
}
