/**
 * The commands' options, a row each. Parsing and values (`arguments.ts`), help, completion, the profile (`profile.ts`) and the option that
 * an error names (`blame.ts`) are readings of these tables.
 */

import type { ObservedKind } from '#machines';
import type { ListenAddress } from './listen-address.ts';

/** What a value is: one of the names listed, or of the kind named. `argument-values.ts` reads each kind. */
export type ValueKind =
  | readonly string[]
  | 'machine'
  | 'accelerator'
  | 'processor'
  | 'file'
  | 'number'
  | 'size'
  | 'time'
  | 'regex'
  | 'events'
  | 'address'
  | 'text';

/** What an option is about in a profile. The command line sets fields of the profile itself; `boot.ts` makes what the profile boots. */
export type ProfilePath =
  | 'clock'
  | 'cpu'
  | 'memory'
  | 'processors'
  | 'boot.kernel'
  | 'boot.initrd'
  | 'boot.commandLine';

/** `type`, `short`, `multiple` and `default` are as node:util's parseArgs wants them. */
export type Option = { readonly short?: string; readonly help: string } & (
  | { readonly type: 'boolean' }
  | {
      readonly type: 'string';
      /** The value's name in the help text. */
      readonly value: string;
      readonly kind: ValueKind;
      readonly multiple?: boolean;
      /** The value of an option that is not given. */
      readonly default?: string;
      /** A mistake at this place of the profile is one of this option. */
      readonly profile?: ProfilePath;
    }
);

export type Options = Readonly<Record<string, Option>>;

type ValueOfKind<K> = K extends readonly (infer Name)[]
  ? Name
  : K extends 'number' | 'time'
    ? number
    : K extends 'regex'
      ? RegExp
      : K extends 'events'
        ? readonly ObservedKind[]
        : K extends 'address'
          ? ListenAddress
          : string;

/** What a row's value is once it is read. Times are nanoseconds. */
type ValueOf<O extends Option> = O extends { readonly kind: infer K }
  ? O extends { readonly multiple: true }
    ? ValueOfKind<K>[]
    : ValueOfKind<K>
  : boolean;

type Defaulted<O extends Options> = { [N in keyof O]: O[N] extends { readonly default: string } ? N : never }[keyof O];

/** The values of a command line, by the options' names. */
export type Values<O extends Options> = { readonly [N in Defaulted<O>]: ValueOf<O[N]> } & {
  readonly [N in Exclude<keyof O, Defaulted<O>>]?: ValueOf<O[N]>;
};

export const commonOptions = {
  version: { type: 'boolean', short: 'v', help: 'the version of virt64' },
  help: { type: 'boolean', short: 'h', help: 'this text' },
} as const satisfies Options;

const plugin = {
  type: 'string',
  multiple: true,
  value: 'FILE',
  kind: 'file',
  help: 'devices and profiles from a file or package; may be repeated',
} as const;

export const listOptions = {
  json: { type: 'boolean', help: 'as JSON, for programs' },
  plugin,
  ...commonOptions,
} as const satisfies Options;

export const runOptions = {
  machine: {
    type: 'string',
    short: 'M',
    value: 'NAME',
    kind: 'machine',
    default: 'pc',
    help: 'machine profile [pc]; virt64 machines lists them',
  },
  accel: {
    type: 'string',
    value: 'NAME',
    kind: 'accelerator',
    default: 'nvmm-svm',
    help: 'accelerator [nvmm-svm]; virt64 accels lists them',
  },
  engine: {
    type: 'string',
    value: 'NAME',
    kind: ['jit', 'interpreter'],
    help: 'engine: jit (the default) or interpreter',
  },
  cpu: {
    type: 'string',
    value: 'NAME[,+FEATURE,-FEATURE]',
    kind: 'processor',
    profile: 'cpu',
    help: "the guest's processor: amd or intel, and features more or less: intel,+avx2 [the profile's]",
  },
  smp: { type: 'string', value: 'N', kind: 'number', profile: 'processors', help: "processors [the profile's]" },
  mem: {
    type: 'string',
    short: 'm',
    value: 'SIZE',
    kind: 'size',
    profile: 'memory',
    help: "memory: 512M, 1G, or a number of MiB [the profile's]",
  },
  kernel: {
    type: 'string',
    value: 'FILE',
    kind: 'file',
    profile: 'boot.kernel',
    help: "kernel: bzImage or ELF [Debian's]",
  },
  initrd: {
    type: 'string',
    value: 'FILE',
    kind: 'file',
    profile: 'boot.initrd',
    help: "initial ramdisk; without --kernel it goes with Debian's kernel",
  },
  append: {
    type: 'string',
    value: 'TEXT',
    kind: 'text',
    profile: 'boot.commandLine',
    help: 'kernel command line, after console=ttyS0 (in real time no_timer_check, too)',
  },
  drive: {
    type: 'string',
    multiple: true,
    value: 'FILE[,ro]',
    kind: 'file',
    help:
      'raw image as a virtio disk; may be repeated. Also file=FILE,readonly=on,format=raw,if=virtio. ' +
      "--append 'root=/dev/vda rw' boots the system on it",
  },
  plugin,
  clock: {
    type: 'string',
    value: 'KIND',
    kind: ['host', 'virtual'],
    default: 'host',
    profile: 'clock',
    help: 'clock: host is real time (the default), virtual is what was executed, and runs repeat',
  },
  timeout: { type: 'string', value: 'TIME', kind: 'time', help: 'end after this much guest time: 30s, 500ms' },
  until: {
    type: 'string',
    value: 'REGEX',
    kind: 'regex',
    help: 'end when what the guest says matches, a line at a time; the echo of what is typed does not count',
  },
  trace: {
    type: 'string',
    value: 'EVENTS',
    kind: 'events',
    help:
      'write what happens as lines of JSON on stderr: a list such as ports,interrupts of ' +
      'ports, mmio, msrs, interrupts, exits, resets, console; or all',
  },
  'trace-file': { type: 'string', value: 'FILE', kind: 'file', help: 'write the trace to this file' },
  gdb: {
    type: 'string',
    value: '[HOST:]PORT',
    kind: 'address',
    help: 'let gdb in: target remote HOST:PORT. Without HOST 127.0.0.1; port 0 takes a free one and says which',
  },
  'gdb-wait': { type: 'boolean', help: 'wait for gdb before the first instruction' },
  'no-reboot': { type: 'boolean', help: 'end when the guest resets, by a triple fault too' },
  refresh: { type: 'boolean', help: 'fetch the default guest again' },
  quiet: { type: 'boolean', short: 'q', help: 'say nothing but what the guest says' },
  json: { type: 'boolean', help: 'the outcome, or the error, in the last line on stderr' },
  ...commonOptions,
} as const satisfies Options;
