/** The guest's time-stamp counter on VMX (SDM vol. 3, section 26.6.5): the VMCS holds its offset from the host's. */
import type { HostCpu } from '#core';
import { offset, offsetFor } from '../x86/timestamp.ts';
import { Field } from './fields.ts';

/** The guest's time-stamp counter reads as given, now. The VMCS is current. */
export function setTimestampCounter(cpu: HostCpu, low: number, high: number): void {
  offsetFor(cpu, low, high);
  cpu.vmwrite(Field.tscOffset, offset.low, offset.high);
}
