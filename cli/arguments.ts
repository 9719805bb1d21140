/** Command lines: options by QEMU's names where QEMU has them, and what to say when one is wrong. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { MachineError } from '#core';
import { nearest } from '#machines';

/** Strict; every mistake is a MachineError. `command` is named in the remedy. */
export function parseCommand<const O extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: O,
) {
  const help = `see virt64 ${command} --help`;
  // QEMU's -smp would be read as -s -m -p, its -machine as -m achine.
  const dashed = args.map(arg => arg.split('=')[0]!).find(arg => /^-[a-z]{2}/.test(arg) && arg.slice(1) in options);
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
    if (unknown === undefined) throw new MachineError('bad-argument', message.split('\n')[0]!, { remedy: help });
    throw noOption(unknown, Object.keys(options), help);
  }
}

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

export const runOptions = {
  machine: { type: 'string', short: 'M' },
  accel: { type: 'string' },
  engine: { type: 'string' },
  cpu: { type: 'string' },
  smp: { type: 'string' },
  mem: { type: 'string', short: 'm' },
  kernel: { type: 'string' },
  initrd: { type: 'string' },
  append: { type: 'string' },
  drive: { type: 'string', multiple: true },
  plugin: { type: 'string', multiple: true },
  clock: { type: 'string' },
  timeout: { type: 'string' },
  until: { type: 'string' },
  'no-reboot': { type: 'boolean' },
  refresh: { type: 'boolean' },
  quiet: { type: 'boolean', short: 'q' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const parseRun = (args: readonly string[]) => parseCommand('run', args, runOptions);

export type RunArguments = ReturnType<typeof parseRun>;

export const runHelp = `Usage: virt64 run [options]

Runs a virtual machine; its console is this terminal. Without --kernel it boots
Debian's kernel, fetched through apt into a cache, to a BusyBox shell; machine
toyvirt brings its own kernel.

  -M, --machine NAME     machine profile [pc]; virt64 machines lists them
      --accel NAME       accelerator [nvmm-svm]; virt64 accels lists them
      --engine NAME      jit (the default) or interpreter
      --cpu NAME         the guest's processor: amd or intel [the profile's]
      --smp N            processors [the profile's]
  -m, --mem SIZE         memory: 512M, 1G, or a number of MiB [the profile's]
      --kernel FILE      bzImage or ELF
      --initrd FILE      initial ramdisk
      --append TEXT      kernel command line, after console=ttyS0 (in real time
                         no_timer_check, too)
      --drive FILE[,ro]  raw image as a virtio disk; may be repeated.
                         Also file=FILE,readonly=on,format=raw,if=virtio.
                         --append 'root=/dev/vda rw' boots the system on it
      --plugin FILE      devices and profiles from a file or package; may be
                         repeated
      --clock KIND       host: real time (the default), or virtual: time is what
                         was executed, and runs repeat
      --timeout TIME     end after this much guest time: 30s, 500ms
      --until REGEX      end when the console's output matches
      --no-reboot        end when the guest resets
      --refresh          fetch the default guest again
  -q, --quiet            say nothing but what the guest says
      --json             the outcome, or the error, in the last line on stderr
  -h, --help             this text

Keys: Ctrl-A x quits, Ctrl-A h helps, Ctrl-A Ctrl-A sends Ctrl-A. All else,
Ctrl-C too, goes to the guest. Input from a pipe is typed once the guest
listens, as it stands: no key is special.

The cache is $VIRT64_CACHE; else .cache/virt64 in a checkout,
$XDG_CACHE_HOME/virt64 or ~/.cache/virt64 elsewhere.
`;
