/**
 * The one list of named helpers: what an instruction does that is no expression. Both tiers and the evaluator call these by
 * name; implementations are in core/processor/cpu/helpers (core/processor/cpu/helpers/index.ts joins them). A helper takes its inputs from and puts
 * its results into the state block's argument and result slots and returns a Status (core/processor/state/leave.ts).
 */

import { floatHelpers } from './helper-rows/float.ts';
import { systemHelpers } from './helper-rows/system.ts';
import { vectorHelpers } from './helper-rows/vector.ts';
import { virtualHelpers } from './helper-rows/virtual.ts';
import type { Width } from './value.ts';

export interface Helper {
  readonly inputs: readonly Width[];
  readonly results: readonly Width[];
  /** It reads or writes the arithmetic flags (pending flags are spilled before and reloaded after). */
  readonly flags?: boolean;
  /** It may change RIP, mode or translation: the next instruction is looked up anew. */
  readonly transfers?: boolean;
  /** A call takes microseconds, and may be put off: nothing of the instruction has happened before it, or nothing that cannot happen again. */
  readonly dear?: boolean;
}

const rows = {
  ...systemHelpers,
  ...floatHelpers,
  ...vectorHelpers,
  ...virtualHelpers,
} as const satisfies Record<string, Helper>;

export type HelperName = keyof typeof rows;
export const helpers: Readonly<Record<HelperName, Helper>> = rows;
export const helperNames = Object.keys(helpers) as HelperName[];
