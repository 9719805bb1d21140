/** INVLPG and INVPCID. */
import { intercepts } from '../../isa/intercepts.ts';
import { isCanonical } from '../../mmu/segmentation.ts';
import { Access } from '../../state/leave.ts';
import { Cr4, Vector } from '../../state/registers.ts';
import type { HelperImplementation } from '../core.ts';

/** The address is not checked against limits; one that is not canonical does nothing. */
export const invlpg: HelperImplementation = cpu => {
  const { address, state, translation, virtualization } = cpu;
  const segment = state.argument(0);
  const low = state.argument(1);
  const high = state.argumentHigh(1);
  address.form(state, segment, low, high, 1, Access.read);
  if (state.guest !== 0 && virtualization)
    cpu.stop(virtualization.addressIntercepted(intercepts.invlpg, segment, low, high, address.low, address.high, 0));
  if (isCanonical(address.high)) translation.invalidatePage(address.low, address.high);
  return cpu.transferred();
};

const Scope = { address: 0, identifier: 1, all: 2, allButGlobal: 3 } as const;

export const invpcid: HelperImplementation = cpu => {
  const { memory, state, translation, virtualization } = cpu;
  const type = state.argument(0);
  const segment = state.argument(1);
  const low = state.argument(2);
  const high = state.argumentHigh(2);
  if (state.guest !== 0 && virtualization && !virtualization.allows(intercepts.invpcid)) cpu.raise(Vector.ud);
  cpu.requireSupervisor();
  if (state.guest !== 0 && virtualization)
    cpu.stop(virtualization.addressIntercepted(intercepts.invpcid, segment, low, high, low, high, type));
  const at = cpu.operand(segment, low, high, 16, Access.read);
  const { low: linearLow, high: linearHigh } = at;
  if (type >>> 0 > 3 || state.argumentHigh(0) !== 0) cpu.raise(Vector.gp, 0);
  const identifier = memory.read64(linearLow, linearHigh, 0);
  const reserved = memory.upper;
  const next = (linearLow + 8) | 0;
  const addressLow = memory.read64(next, next >>> 0 < 8 ? (linearHigh + 1) | 0 : linearHigh, 0);
  const addressHigh = memory.upper;
  const identified = type === Scope.address || type === Scope.identifier;
  if ((identifier & ~0xfff) !== 0 || reserved !== 0) cpu.raise(Vector.gp, 0);
  if (identified && identifier !== 0 && (state.cr4 & Cr4.pcide) === 0) cpu.raise(Vector.gp, 0);
  if (type === Scope.address && !isCanonical(addressHigh)) cpu.raise(Vector.gp, 0);
  if (type === Scope.address) translation.invalidatePage(addressLow, addressHigh);
  else if (type === Scope.identifier && (state.cr4 & Cr4.pcide) !== 0) translation.flushProcessContext(identifier);
  else translation.flushCurrentSpace();
  return cpu.transferred();
};
