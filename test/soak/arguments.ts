/** The command line of `npm run test:soak`. */
import { parseArgs } from 'node:util';
import { MachineError } from '#core';

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Busy loops beside the soak. */
  readonly load: number;
  /** Numbers of units to do, instead of all for some time. */
  readonly only: readonly number[] | undefined;
  /** Seconds that a unit may take. */
  readonly limit: number;
  /** Where what failed is kept. */
  readonly keep: string;
  readonly json: boolean;
  readonly help: boolean;
}

export const help = `Usage: npm run test:soak -- [options]

  --minutes N     how long new units are begun [60]
  --seed S        what all that is drawn by chance follows from [by the time]
  --only UNITS    do these units of the seed alone: 17, or 3,8
  --load K        busy loops beside it [2]
  --limit SECONDS how long a unit may take before it counts as hanging [600]
  --keep FOLDER   where logs of failures are kept [.cache/soak-failures]
  --json          the summary as JSON

The summary goes to stdout, progress to stderr. Exit status 1: something failed.
`;

function number(path: string, text: string | undefined, fallback: number, least: number, most = 2 ** 31): number {
  const value = text === undefined ? fallback : Number(text);
  if (Number.isFinite(value) && value >= least && value <= most) return value;
  throw new MachineError('bad-argument', `"${text}" will not do`, {
    path,
    remedy: `give a number from ${least} to ${most}`,
  });
}

export function parseArguments(given: readonly string[]): SoakOptions {
  const values = parse(given);
  return {
    minutes: number('--minutes', values.minutes, 60, 0),
    seed: Math.floor(number('--seed', values.seed, Date.now() % 1e6, 0)),
    load: Math.floor(number('--load', values.load, 2, 0, 64)),
    limit: number('--limit', values.limit, 600, 1, 86_400),
    only: values.only?.split(',').map(text => Math.floor(number('--only', text, 0, 0))),
    keep: values.keep ?? '.cache/soak-failures',
    json: values.json ?? false,
    help: values.help ?? false,
  };
}

function parse(given: readonly string[]) {
  try {
    return parseArgs({
      args: [...given],
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        only: { type: 'string' },
        load: { type: 'string' },
        limit: { type: 'string' },
        keep: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    const [message] = (error as Error).message.split('\n');
    throw new MachineError('bad-argument', message!, { path: 'command line', remedy: 'see --help' });
  }
}
