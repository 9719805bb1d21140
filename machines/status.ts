/** What a machine is doing, in lines for a person: for a guest that hangs. Looks only; the guest cannot tell that somebody did. */
import type { VirtualMachine } from '#accelerators';
import { Attribute, type CpuState, Cr0, dplOf, Efer, Flag, type InterruptController } from '#core';
import type { Activity } from './processor-activity.ts';

export interface StatusParts {
  readonly profile: { readonly name: string; readonly console: string };
  readonly accelerator: { readonly name: string };
  readonly virtual: Pick<VirtualMachine, 'processors'>;
  readonly scheduler: { readonly running: boolean; readonly stands: boolean; activity(processor: number): Activity };
  readonly interrupts: readonly Pick<InterruptController, 'pending' | 'nmiPending'>[];
  readonly serial: { readonly length: number };
  readonly now: () => number;
  /** Of the clock: when the first timer is due. */
  readonly nextDeadline: () => number;
}

type Seen = Pick<CpuState, 'general' | 'segments' | 'controls' | 'msrs' | 'interrupts'>;

/** Whether the register, of which the state has 64 bits, has one of these. */
const has = (register: bigint, bits: number): boolean => (Number(register & 0xffff_ffffn) & bits) !== 0;

/** Between two slices of execution, or while the machine does not run. */
export function statusOf(parts: StatusParts): readonly string[] {
  const { profile, accelerator, virtual, scheduler, serial, now, nextDeadline } = parts;
  const wait = nextDeadline() - now();
  return [
    `${profile.name} on ${accelerator.name}: ${doing(scheduler)} at ${duration(now())} of guest time`,
    ...virtual.processors.map((_, index) => `processor ${index}: ${processorStatus(parts, index)}`),
    wait === Number.POSITIVE_INFINITY ? 'no timer is set' : `the next timer is due in ${duration(Math.max(wait, 0))}`,
    `console ${profile.console}: ${serial.length} characters so far`,
  ];
}

const doing = ({ running, stands }: StatusParts['scheduler']): string =>
  stands ? 'held by a debugger' : running ? 'running' : 'stopped';

function processorStatus({ virtual, scheduler, interrupts }: StatusParts, index: number): string {
  const activity = scheduler.activity(index);
  if (activity === 'waitForSipi') return 'waits for a start-up signal (SIPI)';
  const processor = virtual.processors[index];
  const state = processor.getState('general', 'segments', 'controls', 'msrs', 'interrupts');
  const halted = activity === 'halted';
  const { waiting } = processor;
  const doing = halted ? (waiting ? 'waits in MWAIT' : 'has halted') : 'running';
  const reasons = [...pending(state, interrupts[index], waiting), ...(halted ? hopes(state, waiting) : [])];
  return [`${doing} at ${place(state)}`, ...reasons].join('; ');
}

/** `0010:ffffffff81000000, 64-bit, CPL 0, IF 1` */
function place({ general, segments, controls, msrs }: Seen): string {
  const { cs, ss } = segments;
  const virtual8086 = has(general.rflags, Flag.vm);
  const long = has(msrs.efer, Efer.lma) && (cs.attributes & Attribute.long) !== 0;
  const bits = long ? 64 : (cs.attributes & Attribute.big) !== 0 ? 32 : 16;
  const real = !has(controls.cr0, Cr0.pe) ? ' (real mode)' : virtual8086 ? ' (virtual 8086)' : '';
  const level = virtual8086 ? 3 : dplOf(ss.attributes);
  const address = general.rip.toString(16).padStart(bits / 4, '0');
  const interruptFlag = interruptible(general) ? 1 : 0;
  return `${cs.selector.toString(16).padStart(4, '0')}:${address}, ${bits}-bit${real}, CPL ${level}, IF ${interruptFlag}`;
}

const interruptible = ({ rflags }: Seen['general']): boolean => has(rflags, Flag.if);

/** Interrupts that wait, and why the processor does not take them. */
function pending(
  { general, interrupts }: Seen,
  controller: StatusParts['interrupts'][number],
  waiting: boolean,
): string[] {
  const lines: string[] = [];
  if (controller.pending) {
    const held = interrupts.shadow ? ', held by an interrupt shadow' : '';
    lines.push(`an interrupt is pending${interruptible(general) || waiting ? held : ', held by IF 0'}`);
  }
  if (controller.nmiPending)
    lines.push(`an NMI is pending${interrupts.nmiBlocked ? ', held until the one before has ended' : ''}`);
  if (interrupts.event) lines.push(`exception ${interrupts.event.vector} is about to be delivered`);
  return lines;
}

/** What can wake it. */
function hopes({ general }: Seen, waiting: boolean): string[] {
  if (waiting) return ['a store to the line that it watches, or an interrupt, wakes it'];
  return [interruptible(general) ? 'an interrupt wakes it' : 'no interrupt can wake it, only an NMI or INIT'];
}

function duration(nanoseconds: number): string {
  if (nanoseconds >= 1e9) return `${(nanoseconds / 1e9).toFixed(3)} s`;
  return nanoseconds >= 1e6 ? `${(nanoseconds / 1e6).toFixed(3)} ms` : `${(nanoseconds / 1e3).toFixed(3)} µs`;
}
