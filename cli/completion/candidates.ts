/** What may stand where: the words that a completion offers. */
import { Registry, vendors } from '#machines';
import { commandNames, commands } from '../commands.ts';
import type { Option, Options } from '../options.ts';
import { eventNames } from '../trace-events.ts';

/** The names that a value has to be one of. */
export function choicesOf(option: Option): readonly string[] | undefined {
  if (option.type === 'boolean') return undefined;
  const { profiles, accelerators } = new Registry();
  switch (option.kind) {
    case 'machine':
      return [...profiles.keys()];
    case 'events':
      return eventNames;
    case 'accelerator':
      return [...accelerators.keys()];
    case 'processor':
      return vendors;
    default:
      return typeof option.kind === 'string' ? undefined : option.kind;
  }
}

export const isFile = (option: Option): boolean => option.type === 'string' && option.kind === 'file';

/** As they are typed: `--machine`, `-M`. */
export const spellings = (name: string, { short }: Option): string[] =>
  short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];

export interface Completed {
  readonly name: string;
  readonly summary: string;
  readonly options: Options;
  /** Words that may follow the command. */
  readonly words: readonly string[];
}

/** The commands, and `help`, which takes one. */
export const completed = (): Completed[] => [
  ...commandNames.map(name => ({ name, words: [], ...commands[name] })),
  { name: 'help', summary: 'explain a command', options: {}, words: commandNames },
];
