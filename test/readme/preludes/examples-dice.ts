export {
  assemble,
  ComponentName,
  Device,
  device,
  Entropy,
  integer,
  Options,
  type OptionsOf,
  Ports,
  port,
  restoreState,
  type SavedState,
} from '#core';
export { build, microvm, use } from '#machines';
export { casino, Die } from '../../../examples/dice/dice.ts';
export { roller } from '../../../examples/dice/roller.ts';
