/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import { accelerators } from '#accelerators';
import { MachineError } from '#core';
import { workloads } from './kernel/workloads.ts';

export interface BenchOptions {
  /** Names of cases. */
  readonly only: ReadonlySet<string>;
  /** Undefined: `software` and `nvmm-svm`, and for exits and booting all. */
  readonly accelerators: readonly string[] | undefined;
  readonly engines: readonly string[];
  readonly repetitions: number;
  readonly json: boolean;
  readonly qemu: boolean;
  readonly help: boolean;
}

export const caseNames: readonly string[] = [
  ...workloads.map(({ name }) => name),
  'exits',
  'resident',
  'boot',
  'startup',
];
const engineNames = ['interpreter', 'jit'];
const most = 100;

export const help = `Usage: npm run bench -- [options]

  --only NAMES     cases [all]: ${caseNames.slice(0, 6).join(',')},
                   ${caseNames.slice(6).join(',')}
  --accel NAMES    accelerators [software,nvmm-svm; for exits and boot all]:
                   ${accelerators.map(({ name }) => name).join(',')}
  --engine NAMES   engines [both]: ${engineNames.join(',')}
  --repeat N       turns of each contender [3]
  --no-qemu        without QEMU, even if it is installed
  --json           results as JSON instead of tables

Tables go to stdout, progress to stderr. All cases take some 20 minutes.
`;

const refuse = (path: string, message: string, remedy: string): never => {
  throw new MachineError('bad-argument', message, { path, remedy });
};

function list(option: string, value: string | undefined, known: readonly string[]): readonly string[] | undefined {
  const names = value?.split(',').map(name => name.trim());
  const unknown = names?.find(name => !known.includes(name));
  return unknown === undefined ? names : refuse(option, `"${unknown}" is not known`, `give some of ${known.join(',')}`);
}

export function parseArguments(given: readonly string[]): BenchOptions {
  const values = parse(given);
  const repetitions = Number(values.repeat ?? 3);
  if (!Number.isInteger(repetitions) || repetitions < 1 || repetitions > most) {
    refuse('--repeat', `"${values.repeat}" repetitions are not possible`, `give 1 to ${most}`);
  }
  return {
    only: new Set(list('--only', values.only, caseNames) ?? caseNames),
    accelerators: list(
      '--accel',
      values.accel,
      accelerators.map(({ name }) => name),
    ),
    engines: list('--engine', values.engine, engineNames) ?? engineNames,
    repetitions,
    json: values.json ?? false,
    qemu: !values['no-qemu'],
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
        engine: { type: 'string' },
        repeat: { type: 'string' },
        json: { type: 'boolean' },
        'no-qemu': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    return refuse('command line', (error as Error).message.split('\n')[0], 'see --help');
  }
}
