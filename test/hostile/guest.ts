/** What a hostile guest is made of. */
import type { GuestMemory } from '#core';
import type { Profile } from '#machines';

export interface HostileGuest {
  readonly name: string;
  /** What it does, for the table. */
  readonly does: string;
  /** 64-bit code after `startup`. It begins at `guest`; other processors too, unless there is a label `others`. It never ends. */
  readonly source: string;
  /** Default 1. */
  readonly processors?: number;
  /** Accelerators on which it can run. Default: all. */
  readonly accelerators?: readonly string[];
  /** Lays data into guest memory before the guest starts, after each reset too. */
  readonly prepare?: (memory: GuestMemory) => void;
  /** Adds devices to the profile `pc`, or changes its processor. */
  readonly change?: Parameters<Profile['with']>[0] | (() => Parameters<Profile['with']>[0]);
}
