/**
 * Effects of the IR, in the order in which they happen. An instruction reads and computes first, commits memory next and
 * registers last: then a fault in any effect leaves the guest as it was before the instruction.
 */

import type { ArrayField, SegmentIndex } from '../state/layout.ts';
import type { HelperName } from './helpers.ts';
import type { FlagName, Value, Width } from './value.ts';

/** Where memory is. */
export type Address =
  /** The instruction's memory operand (its segment included), plus a byte displacement (bit strings). */
  | { readonly kind: 'operand'; readonly operand: number; readonly plus?: Value }
  /** An implicit operand. `source` is the string source: DS unless a prefix overrides it. Offset: 64 bits, already masked to its address size. */
  | { readonly kind: 'implicit'; readonly segment: SegmentIndex | 'source'; readonly offset: Value };

/** Where a register is. A 32-bit write to a general register clears its upper half. `upper`: the upper half of a YMM register. */
export type RegisterPlace =
  | {
      readonly kind: 'register';
      readonly operand: number;
      readonly width: Width;
      readonly file: RegisterFile;
      readonly upper?: true;
    }
  | { readonly kind: 'state'; readonly offset: number; readonly width: Width; readonly file: RegisterFile };

export type Place =
  | RegisterPlace
  | { readonly kind: 'element'; readonly array: ArrayField; readonly index: Value; readonly width: Width };

/** `general` registers have x86's partial-write rules; `plain` ones are written as wide as the place says, no more. */
export type RegisterFile = 'general' | 'plain';

export type FlagUpdate = { readonly [F in FlagName]?: Value } & {
  /** ZF, SF and PF all follow from this value: the usual case, kept apart so that readers can be lazy about it. */
  readonly result?: Value;
};

/** Bytes that the linear address must be a multiple of. */
export type Alignment = 16 | 32;

export type BulkOperation = 'movs' | 'stos' | 'cmps' | 'scas';

export type Effect =
  /**
   * May fault; `result` is what was read. `aligned`: #GP(0) unless the linear address is a multiple of it. 256 bits are one access and two values
   * of 128, the upper one in `high`.
   */
  | {
      readonly kind: 'load';
      readonly address: Address;
      readonly result: Value;
      readonly high?: Value;
      readonly aligned?: Alignment;
    }
  | {
      readonly kind: 'store';
      readonly address: Address;
      readonly value: Value;
      readonly high?: Value;
      readonly aligned?: Alignment;
    }
  /** Read-modify-write as one act: translated once, for writing; `after` may use `before` (a result). */
  | {
      readonly kind: 'update';
      readonly address: Address;
      readonly before: Value;
      readonly after: Value;
      readonly aligned?: Alignment;
    }
  /**
   * Faults unless `address` could be written, or read, with `width` bits. No byte moves, so a device's register does not notice:
   * ENTER and CMPXCHG8B for writing, CLFLUSH for reading.
   */
  | { readonly kind: 'probe'; readonly access: 'read' | 'write'; readonly address: Address; readonly width: Width }
  | { readonly kind: 'set'; readonly place: Place; readonly value: Value }
  /** Flags not named keep their value; nothing happens where `when` is 0. */
  | { readonly kind: 'flags'; readonly flags: FlagUpdate; readonly when?: Value }
  /** Continue at `target` (64 bits, already truncated to the operand size and zero-extended) if `when`. The last effect. An illegal target is found by the next fetch, at the target, as AMD processors do. */
  | { readonly kind: 'jump'; readonly target: Value; readonly when?: Value }
  /** Abort with a fault (error code -1: none) if `when`. */
  | { readonly kind: 'raise'; readonly vector: number; readonly error: number; readonly when: Value }
  /** A named helper; may fault, transfer control or leave the run loop as its table row says. */
  /** Not called where `when` is 0 (then it has no results). */
  | {
      readonly kind: 'call';
      readonly helper: HelperName;
      readonly inputs: readonly Value[];
      readonly results: readonly Value[];
      readonly when?: Value;
    }
  /** The run loop is left after this instruction if events are pending (state.eventPending). */
  | { readonly kind: 'window' }
  /** The instruction is complete here if `when`; later effects do not happen (REP with a zero count). */
  | { readonly kind: 'finish'; readonly when: Value }
  /** The same instruction is to run again, not retired, if `when` (REP). Always the last effect. */
  | { readonly kind: 'again'; readonly when: Value }
  /** A hint: this REP iteration may be done many at a time; a reader may ignore it. */
  | {
      readonly kind: 'bulk';
      readonly what: BulkOperation;
      readonly width: Width;
      readonly addressWidth: 16 | 32 | 64;
    };

/** What `trace` returns. */
export interface Program {
  readonly effects: readonly Effect[];
}
