/** What comes first at an instruction boundary in a guest (SDM vol. 3, sections 26.2, 26.5 and 28.1; table 6-2). */
import { Flag, InterruptShadow } from '../../state/registers.ts';
import { Activity } from '../core.ts';
import type { Cpu } from '../cpu.ts';
import { Delivery, deliverEvent } from '../exceptions.ts';
import { Boundary, EventType } from '../virtualization.ts';
import { Exit, Pin, Primary } from './controls.ts';
import type { ExitRecord } from './exit-record.ts';
import { Field } from './fields.ts';
import { type GuestRun, never } from './guest-run.ts';
import { Reason } from './reasons.ts';
import type { Vmcs } from './vmcs.ts';

const nmiVector = 2;

/** NMIs of the host do not reach the guest: they exit, unless the host itself has them blocked. */
const nmiAccepted = (cpu: Cpu, guest: GuestRun): boolean =>
  cpu.interrupts.nmiPending && !((guest.pin & Pin.virtualNmi) !== 0 ? guest.hostNmiBlocked : cpu.nmiBlocked);

const interruptAccepted = (cpu: Cpu, guest: GuestRun): boolean =>
  cpu.interrupts.pending && ((guest.pin & Pin.externalInterrupt) !== 0 || (cpu.state.systemFlags & Flag.if) !== 0);

const isExpired = (cpu: Cpu, { deadline }: GuestRun): boolean => deadline !== never && deadline <= cpu.ticks;

/** Something that an inactive guest does not sleep through. */
export function wakes(cpu: Cpu, guest: GuestRun): boolean {
  if (cpu.activity === Activity.waitForStartup) return cpu.startupPending >= 0;
  if (cpu.initPending || guest.trapDue || isExpired(cpu, guest) || nmiAccepted(cpu, guest)) return true;
  if ((guest.primary & Primary.nmiWindow) !== 0 && !cpu.nmiBlocked) return true;
  if (cpu.activity === Activity.shutdown) return false;
  const enabled = (cpu.state.systemFlags & Flag.if) !== 0;
  return interruptAccepted(cpu, guest) || ((guest.primary & Primary.interruptWindow) !== 0 && enabled);
}

export function boundary(cpu: Cpu, guest: GuestRun, record: ExitRecord, vmcs: Vmcs): number {
  if (cpu.activity === Activity.waitForStartup) {
    record.record(Reason.startup, cpu.startupPending & 0xff);
    cpu.startupPending = -1;
    return Boundary.exit;
  }
  if (cpu.initPending) {
    cpu.initPending = false;
    return exit(record, Reason.init);
  }
  if (guest.trapDue) return exit(record, Reason.monitorTrap);
  if (isExpired(cpu, guest)) return exit(record, Reason.preemptionTimer);
  const { interrupts, state } = cpu;
  // The shadows hold back what the guest itself is to take; what exits is no concern of theirs.
  const { interruptShadow: shadow } = state;
  if ((guest.primary & Primary.nmiWindow) !== 0 && !cpu.nmiBlocked && shadow !== InterruptShadow.stack)
    return exit(record, Reason.nmiWindow);
  if (nmiAccepted(cpu, guest)) {
    if ((guest.pin & Pin.nmi) !== 0) return exitByNmi(cpu, record);
    if (shadow !== InterruptShadow.stack) {
      guest.sleep = 0;
      interrupts.acknowledgeNmi();
      return delivered(guest, cpu.deliverNmi());
    }
  }
  const enabled = (state.systemFlags & Flag.if) !== 0;
  if ((guest.primary & Primary.interruptWindow) !== 0 && enabled && shadow === 0)
    return exit(record, Reason.interruptWindow);
  if (!interruptAccepted(cpu, guest)) return Boundary.nothing;
  if ((guest.pin & Pin.externalInterrupt) === 0) {
    if (shadow !== 0) return Boundary.nothing;
    guest.sleep = 0;
    return delivered(guest, deliverEvent(cpu, interrupts.acknowledge(), EventType.external, -1));
  }
  record.record(Reason.externalInterrupt);
  // Unless it is acknowledged it stays pending, for the host to take.
  if ((vmcs.low(Field.exitControls) & Exit.acknowledge) !== 0)
    record.interruption(interrupts.acknowledge(), EventType.external, -1);
  return Boundary.exit;
}

function exitByNmi(cpu: Cpu, record: ExitRecord): number {
  cpu.interrupts.acknowledgeNmi();
  record.record(Reason.exception);
  record.interruption(nmiVector, EventType.nmi, -1);
  return Boundary.exit;
}

function delivered(guest: GuestRun, delivery: number): number {
  guest.happened();
  return delivery === Delivery.delivered ? Boundary.delivered : Boundary.exit;
}

function exit(record: ExitRecord, reason: number): number {
  record.record(reason);
  return Boundary.exit;
}
