/** The suite of the accelerators' contract: what holds for one of them holds for all. */
import type { Accelerator, Features } from '#accelerators';
import { MachineError } from '#core';
import { type AddCase, type Case, newCase } from '../checks/case.ts';
import { type CreateAccelerator, Guest } from './guest.ts';
import { breakpoints } from './parts/breakpoints.ts';
import { control } from './parts/control.ts';
import { dirtyPages } from './parts/dirty-pages.ts';
import { events } from './parts/events.ts';
import { giveWay } from './parts/give-way.ts';
import { hostile } from './parts/hostile.ts';
import { identity } from './parts/identity.ts';
import { memory } from './parts/memory.ts';
import { memoryAccess } from './parts/memory-access.ts';
import { mode } from './parts/mode.ts';
import { modes } from './parts/modes.ts';
import { msrs } from './parts/msrs.ts';
import { outside } from './parts/outside.ts';
import { ports } from './parts/ports.ts';
import { protection } from './parts/protection.ts';
import { shadows } from './parts/shadows.ts';
import { state } from './parts/state.ts';
import { step } from './parts/step.ts';
import { touch } from './parts/touch.ts';
import { translation } from './parts/translation.ts';

interface Part {
  readonly add: (test: AddCase, guest: Guest) => void;
  /** Its cases are for accelerators that can do so. */
  readonly needs?: (features: Features) => boolean;
}

const parts: readonly Part[] = [
  { add: memory },
  { add: state, needs: features => features.completeState },
  { add: control },
  { add: giveWay },
  { add: events },
  { add: outside },
  { add: ports },
  { add: protection, needs: features => features.protection },
  { add: translation },
  { add: mode },
  { add: msrs },
  { add: dirtyPages, needs: features => features.dirtyPages && features.protection },
  { add: memoryAccess },
  { add: touch },
  { add: identity, needs: features => features.customCpuid },
  { add: modes, needs: features => features.unrestrictedGuest },
  { add: hostile },
  { add: shadows, needs: features => features.completeState },
  { add: step, needs: features => features.step },
  { add: breakpoints, needs: features => features.codeBreakpoints >= 4 && features.dataBreakpoints >= 4 },
];

export interface ContractOptions {
  /** What names of cases begin with. Default: the accelerator's name. */
  readonly name?: string;
}

/**
 * All cases that an accelerator has to pass by its features. It is created at once, with guests of AMD's and Intel's processors, and lives as long as
 * its cases; these may run in any order, one at a time. Budgets are instructions: where the time is the host's a MachineError is thrown.
 */
export function contractCases(create: CreateAccelerator, { name }: ContractOptions = {}): readonly Case[] {
  const guest = new Guest(create);
  const { accelerator } = guest;
  requireInstructions(accelerator);
  const cases: Case[] = [];
  for (const { add, needs } of parts) {
    if (needs && !needs(accelerator.features)) continue;
    add((title, body) => cases.push(newCase(`${name ?? accelerator.name}: ${title}`, body)), guest);
  }
  return cases;
}

function requireInstructions({ name, features: { time } }: Accelerator): void {
  if (time === 'instructions') return;
  throw new MachineError('unsupported', `the time of ${name} is the host's, and the suite counts instructions`, {
    remedy: 'create it without a clock',
  });
}
