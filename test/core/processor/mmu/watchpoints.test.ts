/** Which breakpoints are enabled, as generated code is told. */
import test from 'ava';
import { Watchpoints } from '../../../../core/processor/mmu/watchpoints.ts';
import { state as layout } from '../../../../core/processor/state/layout.ts';
import { StateBlock } from '../../../../core/processor/state/state-block.ts';

test('an instruction breakpoint is known while it is enabled, and no longer', t => {
  const state = StateBlock.detached();
  const watchpoints = new Watchpoints(state);
  const control = (value: number): [code: number, data: number] => {
    state.set64(layout.dr7.offset, value, 0);
    watchpoints.refresh();
    t.is(state.get32(layout.codeWatched.offset), watchpoints.code);
    return [watchpoints.code, watchpoints.data];
  };
  t.deepEqual(control(0x400), [0, 0]);
  t.deepEqual(control(0x401), [1, 0]);
  t.deepEqual(control(0x400), [0, 0]);
  t.deepEqual(control(0x30_0404), [0, 2]);
  t.deepEqual(control(0x400), [0, 0]);
});
