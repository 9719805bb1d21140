/** The command line of `npm run test:hostile`. */
import { parseArgs } from 'node:util';
import { accelerators } from '#accelerators';
import { MachineError } from '#core';
import { type ClockName, clocks } from './case.ts';
import { guests } from './guests.ts';

export interface HostileOptions {
  readonly only: readonly string[];
  readonly accelerators: readonly string[];
  readonly clocks: readonly ClockName[];
  /** In all. */
  readonly minutes: number;
  readonly jobs: number;
  /** A folder for processor profiles. */
  readonly profile: string | undefined;
  /** Guests share a process for each accelerator and clock: sooner done, less certain about memory. */
  readonly shared: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

const guestNames = guests.map(({ name }) => name);
const acceleratorNames = accelerators.map(({ name }) => name);

export const help = `Usage: npm run test:hostile -- [options]

  --minutes N      time for all cases together, the starts of their processes left out [10]
  --only NAMES     guests [all], see below
  --accel NAMES    accelerators [all]: ${acceleratorNames.join(',')}
  --clock NAMES    clocks [all]: ${clocks.join(',')}
  --jobs N         cases at a time; more than one disturbs the measurements [1]
  --shared         one process for each accelerator and clock: sooner done, less certain about memory
  --profile DIR    writes a processor profile of each case there
  --json           results as JSON instead of a table

The table goes to stdout, progress to stderr. The exit status is 1 if a case hung, threw or died. Guests:

${guests.map(({ name, does }) => `  ${name.padEnd(16)} ${does}`).join('\n')}
`;

const refuse = (path: string, message: string, remedy: string): never => {
  throw new MachineError('bad-argument', message, { path, remedy });
};

function list<T extends string>(option: string, value: string | undefined, known: readonly T[]): readonly T[] {
  if (value === undefined) return known;
  return value.split(',').map(each => {
    const name = known.find(candidate => candidate === each.trim());
    return name ?? refuse(option, `"${each}" is not known`, `give some of ${known.join(',')}`);
  });
}

function number(option: string, value: string | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  const given = Number(value);
  return given > 0 && given < 10_000 ? given : refuse(option, `"${value}" is not possible`, 'give a number above 0');
}

export function parseArguments(given: readonly string[]): HostileOptions {
  const values = parse(given);
  return {
    only: list('--only', values.only, guestNames),
    accelerators: list('--accel', values.accel, acceleratorNames),
    clocks: list('--clock', values.clock, clocks),
    minutes: number('--minutes', values.minutes, 10),
    jobs: Math.ceil(number('--jobs', values.jobs, 1)),
    profile: values.profile,
    shared: values.shared ?? false,
    json: values.json ?? false,
    help: values.help ?? false,
  };
}

function parse(given: readonly string[]) {
  try {
    return parseArgs({
      args: [...given],
      options: {
        only: { type: 'string' },
        accel: { type: 'string' },
        clock: { type: 'string' },
        minutes: { type: 'string' },
        jobs: { type: 'string' },
        profile: { type: 'string' },
        shared: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    return refuse('command line', (error as Error).message.split('\n')[0], 'see --help');
  }
}
