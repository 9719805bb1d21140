/** A built machine: run it, talk to its console, look into it, save and restore it, dispose of it. */
import type { Accelerator, VirtualMachine } from '#accelerators';
import { answering, type Device, type Entropy, type GuestMemory, type InspectTree, MachineError, ownerOf } from '#core';
import { Debugger, type DebuggerOptions } from './debugger.ts';
import { GuestWords } from './guest-words.ts';
import { type MachineState, restoreMachine, type StatefulParts, saveMachine } from './machine-state.ts';
import type { Observation } from './observe.ts';
import type { Observer } from './observer.ts';
import type { Outcome } from './outcome.ts';
import type { Activity } from './processor-activity.ts';
import type { Profile } from './profile.ts';
import type { Scheduler } from './scheduler.ts';
import type { SerialConsole } from './serial-console.ts';
import { type StatusParts, statusOf } from './status.ts';

export interface RunOptions {
  /**
   * Ends the run when the predicate holds, or when what the guest says on its console (since the run began) matches. The echo of what was
   * typed and the kernel's copies of its command line do not count. `^` and `$` match at the ends of lines, which the guest ends
   * with \n or \r\n; an unfinished line, such as a prompt, has no end.
   */
  readonly until?: RegExp | (() => boolean);
  /** Guest time: nanoseconds, or '30 s', '500 ms'. */
  readonly timeout?: number | string;
}

export interface MachineParts {
  readonly profile: Profile;
  readonly acts: StatefulParts['acts'];
  readonly accelerator: Accelerator;
  readonly virtual: VirtualMachine;
  readonly scheduler: Scheduler;
  readonly serial: SerialConsole;
  readonly memory: GuestMemory;
  readonly devices: ReadonlyMap<string, Device>;
  readonly wires: StatefulParts['wires'];
  readonly entropy: Entropy;
  readonly observation: Observation;
  readonly now: () => number;
  readonly nextDeadline: StatusParts['nextDeadline'];
  readonly interrupts: StatusParts['interrupts'];
  /** Puts memory and processors into the state in which the boot source starts. */
  readonly load: () => void;
}

const units: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, min: 60e9 };

export class Machine implements AsyncDisposable {
  readonly serial: SerialConsole;
  readonly memory: GuestMemory;
  readonly devices: ReadonlyMap<string, Device>;
  #disposed = false;
  #running: Promise<Outcome> | undefined;
  /** What a device threw in the middle of an instruction: where the guest stands nobody knows. */
  #broken: unknown;
  #debugger: Debugger | undefined;

  /** @internal */
  constructor(private readonly parts: MachineParts) {
    this.serial = parts.serial;
    this.memory = parts.memory;
    this.devices = parts.devices;
  }

  get profile(): Profile {
    return this.parts.profile;
  }

  /** Name of the accelerator that it runs on. */
  get accelerator(): string {
    return this.parts.accelerator.name;
  }

  /** Guest time in nanoseconds. */
  get now(): number {
    return this.parts.now();
  }

  get processors(): VirtualMachine['processors'] {
    return this.parts.virtual.processors;
  }

  /** What a processor is about. */
  activity(processor: number): Activity {
    return this.parts.scheduler.activity(processor);
  }

  /** A device by its name in the profile. */
  device<D extends Device>(name: string, type?: abstract new (...parameters: never[]) => D): D {
    const device = this.devices.get(name);
    if (device && (!type || device instanceof type)) return device as D;
    throw new MachineError('unknown-component', `there is no ${type ? `${type.name} ` : 'device '}called ${name}`, {
      remedy: `devices are: ${[...this.devices.keys()].join(', ')}`,
    });
  }

  /** Runs until something ends it. May be called again after `until`, `timeout` and `stopped`. */
  async run({ until, timeout }: RunOptions = {}): Promise<Outcome> {
    this.#requireAlive();
    const deadline = timeout === undefined ? Number.POSITIVE_INFINITY : this.now + nanoseconds(timeout);
    const reached = typeof until === 'function' ? until : this.#appearance(until);
    // What `until` throws is its caller's affair, between two instructions.
    let harmless: unknown;
    const running = this.parts.scheduler.run(deadline, () => {
      try {
        const failure = this.parts.observation.takeFailure();
        if (failure) throw failure;
        if (reached()) return { kind: 'until' };
      } catch (error) {
        harmless = error;
        throw error;
      }
      return this.now >= deadline ? { kind: 'timeout' } : undefined;
    });
    if (this.#running) return running;
    this.#running = running;
    this.serial.open();
    const outcome = await running
      .catch((error: unknown) => {
        if (error !== harmless) {
          this.#broken = error;
          this.serial.close('the machine broke');
        }
        throw error;
      })
      .finally(() => {
        this.#running = undefined;
      });
    const failure = this.parts.observation.takeFailure();
    if (failure) throw failure;
    const { kind } = outcome;
    const reason = `the run ended with ${kind}`;
    if (kind === 'timeout' || kind === 'stopped') this.serial.giveUp(reason);
    else if (kind !== 'until') this.serial.close(reason);
    return outcome;
  }

  /** Whether what the guest says from now on matches; a pattern is only looked for when there is new output. */
  #appearance(pattern: RegExp | undefined): () => boolean {
    if (!pattern) return () => false;
    const { serial, profile } = this;
    const commandLine = profile.boot?.kind === 'kernel' ? (profile.boot.commandLine ?? '') : '';
    const words = new GuestWords(serial.typedLines, commandLine.trim());
    const ofLines = new RegExp(pattern.source, `${pattern.flags.replace(/[gmy]/g, '')}m`);
    let seen = serial.length;
    return () => {
      if (serial.length === seen) return false;
      const output = serial.since(seen);
      seen = serial.length;
      return words.hear(output, ofLines);
    };
  }

  /** Makes `run` return `stopped`. */
  stop(): void {
    this.parts.scheduler.end({ kind: 'stopped' });
  }

  /** Power-on state again: devices reset, the boot source loaded anew. */
  reset(): void {
    this.#requireAlive();
    const { acts, load, scheduler, observation } = this.parts;
    acts.run(() => {
      observation.reset();
      for (const device of this.devices.values()) answering(ownerOf(device), 'a reset', () => device.reset());
      scheduler.reset();
      load();
    });
    this.serial.open();
  }

  /** The whole state, memory included, as a copy. Not while it runs. */
  save(): MachineState {
    this.#requireAlive();
    return saveMachine(this.parts);
  }

  /** Goes on where `save` was called, on this or another machine of the same profile. */
  restore(state: MachineState): void {
    this.#requireAlive();
    restoreMachine(this.parts, state);
    this.serial.open();
  }

  /**
   * Tells somebody what happens in the machine, until the result is disposed of. Several may observe; the guest cannot tell. Nothing is looked
   * for that nobody wants.
   */
  observe(observer: Observer): Disposable {
    this.#requireAlive();
    return this.parts.observation.add(observer);
  }

  /** Gives the machine a debugger, of which it has one at a time. Its disposal lets the machine go on. */
  attach(options: DebuggerOptions = {}): Debugger {
    this.#requireAlive();
    if (this.#debugger)
      throw new MachineError('bad-call', 'the machine has a debugger already', { remedy: 'dispose of that one first' });
    const { virtual, memory, accelerator, scheduler, observation } = this.parts;
    const attached = new Debugger(
      {
        virtual,
        memory,
        scheduler,
        time: accelerator.time,
        failed: cause => observation.fail('a debugger', 'onStop', cause),
        detached: () => {
          this.#debugger = undefined;
        },
      },
      options,
    );
    this.#debugger = attached;
    return attached;
  }

  /** What it is doing now, in lines for a person: also while it runs, from the host's event loop. Changes nothing in the guest. */
  status(): readonly string[] {
    if (this.#disposed) return ['disposed of'];
    return statusOf(this.parts);
  }

  inspect(): InspectTree {
    return Object.fromEntries([...this.devices].map(([name, device]) => [name, device.inspect()]));
  }

  #requireAlive(): void {
    if (this.#disposed)
      throw new MachineError('bad-call', 'the machine has been disposed of', { remedy: 'build another' });
    if (this.#broken !== undefined)
      throw new MachineError('bad-call', 'the machine is broken since a run of it failed', {
        remedy: 'build another',
        cause: this.#broken,
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.stop();
    // Whoever awaits the run hears how it ended.
    await this.#running?.catch(() => {});
    this.#debugger?.[Symbol.dispose]();
    this.serial.close('the machine was disposed of');
    this.parts.observation.end();
    const flushed = await Promise.allSettled([...this.devices.values()].map(device => device.flush?.()));
    this.parts.virtual[Symbol.dispose]();
    this.parts.accelerator[Symbol.dispose]();
    const failure = this.parts.observation.takeFailure();
    if (failure) throw failure;
    const failed = flushed.find(({ status }) => status === 'rejected');
    if (failed) throw (failed as PromiseRejectedResult).reason;
  }
}

/** A span of time as users write it: nanoseconds, or '30 s'. `path` names the option in errors. */
export function nanoseconds(time: number | string, path?: string): number {
  if (typeof time === 'number' && time >= 0) return time;
  const match = typeof time === 'string' ? /^(\d+(?:\.\d+)?)\s*(ns|us|ms|s|min)$/.exec(time.trim()) : null;
  if (match) return Number(match[1]) * units[match[2]];
  throw new MachineError('bad-argument', `${JSON.stringify(time)} is no time`, {
    remedy: 'write it with its unit: 30s, 500ms',
    ...(path === undefined ? {} : { path }),
  });
}
