/** What observers of a machine are told. They look, and the guest cannot tell that somebody does. */
import type { Exit } from '#accelerators';
import type { MmioSize, PortSize } from '#core';

export interface ObservedEvent {
  /** Guest time in nanoseconds. */
  readonly time: number;
  /** Whose it is, where that is known. */
  readonly processor?: number;
}

/** An access by IN or OUT, or by one step of INS or OUTS. */
export interface PortEvent extends ObservedEvent {
  readonly kind: 'read' | 'write';
  readonly port: number;
  readonly size: PortSize;
  /** Unsigned. */
  readonly value: number;
  /** Who claims the port. */
  readonly device?: string;
  /** Nobody does, and the profile says what a guest looks for there. */
  readonly absent?: string;
}

/** An access to memory that is no RAM. */
export interface MmioEvent extends ObservedEvent {
  readonly kind: 'read' | 'write';
  readonly address: number;
  readonly size: MmioSize;
  /** Unsigned. */
  readonly value: bigint;
  readonly device?: string;
}

/** RDMSR or WRMSR of a register of the board; those of the processor itself do not come to it. */
export interface MsrEvent extends ObservedEvent {
  readonly kind: 'read' | 'write';
  readonly index: number;
  /** Unsigned; without it the read was refused, with #GP. */
  readonly value?: bigint;
  /** The guest gets #GP. */
  readonly refused: boolean;
  readonly device?: string;
}

/** A processor takes an interrupt that its controller had for it. */
export interface InterruptEvent extends ObservedEvent {
  readonly processor: number;
  readonly kind: 'interrupt' | 'nmi';
  readonly vector: number;
}

/** A processor's run has ended. That its time is up is told of nobody, since that depends on the host, too. */
export interface ExitEvent extends ObservedEvent {
  readonly processor: number;
  readonly exit: Exit;
}

/** `machine`: power-on again, of all. `init` and `startup` are signals to one processor. */
export interface ResetEvent extends ObservedEvent {
  readonly kind: 'machine' | 'init' | 'startup';
  /** Of a start-up signal. */
  readonly vector?: number;
}

export interface ConsoleEvent extends ObservedEvent {
  /** `out`: the guest has written; `in`: somebody has typed. */
  readonly kind: 'in' | 'out';
  readonly bytes: Uint8Array;
}

export interface ObserverEvents {
  readonly port: PortEvent;
  readonly mmio: MmioEvent;
  readonly msr: MsrEvent;
  readonly interrupt: InterruptEvent;
  readonly exit: ExitEvent;
  readonly reset: ResetEvent;
  readonly console: ConsoleEvent;
}

export type ObservedKind = keyof ObserverEvents;

/** Kinds by the names of the methods, in the order in which help texts list them. */
export const observedKinds: readonly ObservedKind[] = ['port', 'mmio', 'msr', 'interrupt', 'exit', 'reset', 'console'];

/**
 * An object with a method for each kind of event that it wants; the others cost nothing. A method is called in the midst of what it tells of,
 * so it must not touch the machine. What it throws takes the observer away and ends the run, but not the machine.
 */
export type Observer = { readonly [K in ObservedKind]?: (event: ObserverEvents[K]) => void } & {
  /** It is taken away, or the machine is disposed of. */
  readonly end?: () => void;
};
