/** The commands, a row each: what the help says of them and what completion offers after them. */
import { commonOptions, listOptions, type Options, runOptions } from './options.ts';

export interface Command {
  readonly summary: string;
  readonly options: Options;
  /** Words that may follow instead of an option. */
  readonly words?: readonly string[];
}

export const shells = ['bash', 'zsh', 'fish'] as const;

export const exampleKinds = ['device', 'profile', 'test'] as const;

const listed = {
  run: { summary: 'run a virtual machine in this terminal', options: runOptions },
  demo: { summary: "run the toy kernel on both of NVMM's backends", options: commonOptions },
  machines: { summary: 'list machine profiles', options: listOptions },
  accels: { summary: 'list accelerators', options: listOptions },
  devices: { summary: 'list devices and their options', options: listOptions },
  new: { summary: 'write an example to begin with', options: commonOptions, words: exampleKinds },
  completion: { summary: 'print completion for bash, zsh or fish', options: commonOptions, words: shells },
  version: { summary: 'print the version', options: {} },
} as const satisfies Readonly<Record<string, Command>>;

export type CommandName = keyof typeof listed;

export const commands: Readonly<Record<CommandName, Command>> = listed;

export const commandNames = Object.keys(listed) as CommandName[];
