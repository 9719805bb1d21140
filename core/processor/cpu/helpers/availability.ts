/** What guarded instructions ask before they do anything: intercepts, and whether x87, MMX and SSE may be used. */
import { state as layout } from '../../state/layout.ts';
import { Leave, Status } from '../../state/leave.ts';
import { Cr0, Cr4, Vector } from '../../state/registers.ts';
import { type HelperImplementation, isAvxEnabled } from '../core.ts';

export const intercept: HelperImplementation = cpu => {
  const { state, virtualization } = cpu;
  // Returned, not thrown: these exits are frequent.
  if (!virtualization?.intercepted(state.argument(0))) return Status.done;
  state.leave = Leave.vmexit;
  return Status.exit;
};

const Use = { waiting: 0, nonWaiting: 1, mmx: 2 } as const;

export const checkX87: HelperImplementation = cpu => {
  const { state } = cpu;
  const use = state.argument(0);
  if ((state.cr0 & Cr0.em) !== 0) cpu.raise(use === Use.mmx ? Vector.ud : Vector.nm);
  if ((state.cr0 & Cr0.ts) !== 0) cpu.raise(Vector.nm);
  const pending = (state.get16(layout.fsw.offset) & 0x80) !== 0;
  // Without NE the exception would come by way of an external interrupt, which nothing here is wired to.
  if (pending && use !== Use.nonWaiting && (state.cr0 & Cr0.ne) !== 0) cpu.raise(Vector.mf);
  return Status.done;
};

export const checkAvx: HelperImplementation = cpu => {
  const { state } = cpu;
  if (!isAvxEnabled(state)) cpu.raise(Vector.ud);
  if ((state.cr0 & Cr0.ts) !== 0) cpu.raise(Vector.nm);
  return Status.done;
};

export const checkSse: HelperImplementation = cpu => {
  const { state } = cpu;
  if ((state.cr0 & Cr0.em) !== 0 || (state.cr4 & Cr4.osfxsr) === 0) cpu.raise(Vector.ud);
  if ((state.cr0 & Cr0.ts) !== 0) cpu.raise(Vector.nm);
  return Status.done;
};
