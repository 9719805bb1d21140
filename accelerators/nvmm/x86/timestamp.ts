/** The guest's time-stamp counter in the comm page: the host's, and the offset that the CPU adds to it. */
import type { HostCpu } from '#core';
import { Msr, X64State } from '../abi.ts';
import type { CommPage } from '../driver/machine.ts';

/** The offset that makes the guest's counter read as given, now; (low, high) in `offset`. */
export const offset = { low: 0, high: 0 };
export function offsetFor(cpu: HostCpu, low: number, high: number): void {
  const now = cpu.readTimestampCounter();
  const difference = (low >>> 0) - (now % 2 ** 32);
  offset.low = difference | 0;
  offset.high = (high - Math.floor(now / 2 ** 32) - (difference < 0 ? 1 : 0)) | 0;
}

export function writeTimestampCounter(comm: CommPage, cpu: HostCpu, offsetLow: number, offsetHigh: number): void {
  const now = cpu.readTimestampCounter();
  const low = ((now | 0) >>> 0) + (offsetLow >>> 0);
  const carry = low >= 2 ** 32 ? 1 : 0;
  comm.set(X64State.msrs + Msr.tsc * 8, low | 0, (Math.floor(now / 2 ** 32) + offsetHigh + carry) | 0);
}
