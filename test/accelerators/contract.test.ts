/** One contract, every accelerator: what holds for one of them holds for all, whichever engine runs its code. */
import test from 'ava';
import { breakpoints } from './contract/breakpoints.ts';
import { control } from './contract/control.ts';
import { dirtyPages } from './contract/dirty-pages.ts';
import { events } from './contract/events.ts';
import { giveWay } from './contract/give-way.ts';
import { hostile } from './contract/hostile.ts';
import { identity } from './contract/identity.ts';
import { memory } from './contract/memory.ts';
import { memoryAccess } from './contract/memory-access.ts';
import { mode } from './contract/mode.ts';
import { modes } from './contract/modes.ts';
import { msrs } from './contract/msrs.ts';
import { outside } from './contract/outside.ts';
import { ports } from './contract/ports.ts';
import { protection } from './contract/protection.ts';
import { shadows } from './contract/shadows.ts';
import { state } from './contract/state.ts';
import { step } from './contract/step.ts';
import { touch } from './contract/touch.ts';
import { translation } from './contract/translation.ts';
import { Guest, names } from './guest.ts';

const guests = names.flatMap(name => [new Guest(name), new Guest(name, { engine: 'jit' })]);
for (const guest of guests) {
  for (const part of [
    memory,
    state,
    control,
    giveWay,
    events,
    outside,
    ports,
    protection,
    translation,
    mode,
    msrs,
    dirtyPages,
    memoryAccess,
    touch,
    identity,
    modes,
    hostile,
    shadows,
    step,
    breakpoints,
  ])
    part(test, guest);
}

for (const { name, jit } of guests.filter(guest => guest.jit))
  test(`${name}: what ran was compiled`, t => t.true(jit!.compiled > 1000, `${jit!.compiled}`));
