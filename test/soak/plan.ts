/** Which unit a number stands for: it follows from the soak's seed and the number alone, so that any can be repeated alone. */
import { configurationOf, configurations } from './configuration.ts';
import { type Draw, drawOf } from './draw.ts';
import { accelerators, type BootUnit, type ClockUnit, type Place, type RecordsUnit, type Unit } from './unit.ts';

const engines = ['jit', 'jit', 'interpreter'] as const;

/** Even numbers run in one process that lives as long as the soak, odd ones in a process each. */
export const isResident = (number: number): boolean => number % 2 === 0;

export function unitOf(seed: number, number: number): Unit {
  const draw = drawOf(seed, number);
  const place = placeOf(draw);
  const kind = isResident(number)
    ? draw.among(['boot', 'moves', 'moves', 'churn'] as const)
    : draw.among(['records', 'records', 'clock', 'moves'] as const);
  switch (kind) {
    case 'churn':
      return { number, kind, place, machines: 25 };
    case 'records':
      return recordsUnit(number, place, draw);
    case 'clock':
      return clockUnit(number, place, draw);
    default:
      return bootUnit(seed, number, kind, place, draw);
  }
}

/** The run that others of its configuration are compared with. */
export const referenceOf = (unit: BootUnit): BootUnit => {
  const place: Place = { accelerator: 'software', engine: 'jit' };
  return { ...unit, kind: 'boot', place, places: [place], gaps: [], encoded: false, diskInFile: false };
};

const placeOf = (draw: Draw): Place => ({ accelerator: draw.among(accelerators), engine: draw.among(engines) });

function bootUnit(seed: number, number: number, kind: 'boot' | 'moves', place: Place, draw: Draw): BootUnit {
  const which = draw.between(0, configurations);
  const configuration = configurationOf(which, drawOf(seed, -1 - which));
  const moves = kind === 'boot' ? 0 : draw.between(3, 30);
  const longest = draw.among([60, 150, 400]) * 1e6;
  return {
    number,
    kind,
    place,
    configuration,
    places: kind === 'boot' ? [place] : [place, placeOf(draw), placeOf(draw)],
    gaps: Array.from({ length: moves }, () => draw.between(1, longest)),
    encoded: draw.chance(25),
    diskInFile: draw.chance(50),
  };
}

function recordsUnit(number: number, place: Place, draw: Draw): RecordsUnit {
  const program = draw.among(['file', 'volatile', 'command-line'] as const);
  return {
    number,
    kind: 'records',
    place,
    how: draw.among(['raw-fsync', 'raw-direct', 'ext4-fsync', 'ext4-sync'] as const),
    clock: draw.among(['virtual', 'host'] as const),
    processors: draw.among([1, 1, 2]),
    program,
    pages: draw.between(1, 4),
    tag: `${draw.between(100_000, 1_000_000)}`,
    ends: Array.from({ length: draw.between(1, 3) }, () => ({
      signal: program === 'command-line' && draw.chance(50) ? ('SIGTERM' as const) : ('SIGKILL' as const),
      after: draw.between(1, 60),
      delay: draw.between(0, 40),
    })),
  };
}

const clockUnit = (number: number, place: Place, draw: Draw): ClockUnit => ({
  number,
  kind: 'clock',
  place,
  profile: draw.among(['pc', 'microvm'] as const),
  cpu: draw.among(['amd', 'intel'] as const),
  processors: draw.between(2, 5),
  seconds: 3,
});
