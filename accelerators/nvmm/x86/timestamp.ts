/** The guest's time-stamp counter in the comm page: the host's, and the offset that the CPU adds to it. */
import type { HostCpu } from '#core';
import { Msr, X64State } from '../abi.ts';
import type { CommPage } from '../driver/machine.ts';

export function writeTimestampCounter(comm: CommPage, cpu: HostCpu, offsetLow: number, offsetHigh: number): void {
  const now = cpu.readTimestampCounter();
  const low = ((now | 0) >>> 0) + (offsetLow >>> 0);
  const carry = low >= 2 ** 32 ? 1 : 0;
  comm.set(X64State.msrs + Msr.tsc * 8, low | 0, (Math.floor(now / 2 ** 32) + offsetHigh + carry) | 0);
}
