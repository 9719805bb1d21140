export { gprOffset } from '../../../core/processor/state/layout.ts';
export { Flag } from '../../../core/processor/state/registers.ts';
export { StateBlock } from '../../../core/processor/state/state-block.ts';
