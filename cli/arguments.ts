/** Command lines: options by QEMU's names where QEMU has them, and what to say when one is wrong. */
import { parseArgs } from 'node:util';
import { MachineError } from '#core';
import { nearest } from '#machines';
import { readValue } from './argument-values.ts';
import { foreignOptions } from './foreign-options.ts';
import { optionHelp } from './option-help.ts';
import { type Options, runOptions, type Values } from './options.ts';

/** Strict; every mistake is a MachineError. `command` is named in the remedy. */
export function parseCommand<const O extends Options>(command: string, args: readonly string[], options: O): Values<O> {
  const texts = textsOf(command, args, options);
  // Who asks for help is not told that a value is wrong.
  return valuesOf(texts.help ? textsOf(command, ['--help'], options) : texts, options) as Values<O>;
}

type Texts = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

function valuesOf(texts: Texts, options: Options): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => {
      const row = options[name];
      if (row?.type !== 'string') return [name, text];
      const read = (one: unknown): unknown => readValue(`--${name}`, row.kind, one as string);
      return [name, Array.isArray(text) ? text.map(read) : read(text)];
    }),
  );
}

function textsOf(command: string, args: readonly string[], options: Options): Texts {
  const help = `see virt64 ${command} --help`;
  // QEMU's -smp would be read as -s -m -p, its -machine as -m achine.
  const dashed = args.map(nameOf).find(arg => /^-[a-z]{2}/.test(arg) && arg.slice(1) in options);
  if (dashed !== undefined) throw noOption(dashed, Object.keys(options), help);
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    const [first] = positionals;
    if (first === undefined) return values;
    throw new MachineError('bad-argument', `unexpected argument "${first}"`, { remedy: help });
  } catch (error) {
    if (error instanceof MachineError) throw error;
    const { code, message } = error as Error & { code?: string };
    const unknown = code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? /'(--?[^']+)'/.exec(message)?.[1] : undefined;
    if (unknown === undefined) throw new MachineError('bad-argument', message.split('\n')[0], { remedy: help });
    throw noOption(unknown, Object.keys(options), help);
  }
}

/** `--name` of `--name=value`. */
const nameOf = (arg: string): string => arg.split('=')[0];

function noOption(given: string, options: readonly string[], help: string): MachineError {
  const meant = optionMeant(given.replace(/^-+/, ''), options);
  return new MachineError('bad-argument', `there is no option ${given}`, {
    remedy: meant === undefined ? help : `did you mean --${meant}? (${help})`,
  });
}

/** One that begins it or that it begins (`--memory`), or the nearest. */
const optionMeant = (given: string, options: readonly string[]): string | undefined =>
  options.find(option => option.length > 2 && (given.startsWith(option) || option.startsWith(given))) ??
  nearest(given, options);

/** Before anything is parsed: QEMU's -hda would be read as -h -d -a, and ask for help. */
export function refuseForeign(args: readonly string[]): void {
  for (const given of args.map(nameOf)) {
    const name = /^--?([a-z][\w-]*)$/i.exec(given)?.[1];
    const answer =
      name === undefined || (given === `--${name}` && name in runOptions) ? undefined : foreignOptions.get(name);
    if (answer !== undefined) throw new MachineError('bad-argument', `there is no option ${given}`, { remedy: answer });
  }
}

export function parseRun(args: readonly string[]) {
  refuseForeign(args);
  return parseCommand('run', args, runOptions);
}

export type RunArguments = ReturnType<typeof parseRun>;

export const runHelp = `Usage: virt64 run [options]

Runs a virtual machine; its console is this terminal. Without --kernel it boots
Debian's kernel, fetched through apt into a cache, to a BusyBox shell; machine
toyvirt brings its own kernel and needs nothing else.

${optionHelp(runOptions)}

Keys: Ctrl-A x quits, Ctrl-A h helps, Ctrl-A i says what the machine is doing,
Ctrl-A z suspends, Ctrl-A Ctrl-A sends Ctrl-A. All else, Ctrl-C too, goes to
the guest. SIGTERM presses the power button if the guest heeds it; a second one
quits. SIGUSR2 says what the machine is doing. Input from a pipe is typed once
the guest listens, as it stands: no key is special.

The cache is $VIRT64_CACHE; else .cache/virt64 in a checkout,
$XDG_CACHE_HOME/virt64 or ~/.cache/virt64 elsewhere.
`;
