/** Values of options, from their text: each kind has its reader. What is wrong is a MachineError that names the option. */
import { MachineError } from '#core';
import { namedModel, nanoseconds, nearest, type ObservedKind } from '#machines';
import { plain } from './complaint.ts';
import { listenAddress } from './listen-address.ts';
import type { ValueKind } from './options.ts';
import { eventNames, kindsOf } from './trace-events.ts';

type Reader = (option: string, text: string) => unknown;

const asWritten: Reader = (_option, text) => text;

const readers: Readonly<Record<Extract<ValueKind, string>, Reader>> = {
  machine: asWritten,
  accelerator: asWritten,
  processor,
  file: asWritten,
  text: asWritten,
  number: wholeNumber,
  // As QEMU has it: a number alone means MiB.
  size: (_option, text) => (/^\d+$/.test(text) ? `${text}M` : text),
  time: (option, text) => nanoseconds(text, option),
  regex: pattern,
  events,
  address: listenAddress,
};

/** `option` is as it is typed, `--smp`. */
export const readValue = (option: string, kind: ValueKind, text: string): unknown =>
  typeof kind === 'string' ? readers[kind](option, text) : choice(option, text, kind);

function choice(option: string, value: string, values: readonly string[]): string {
  if (values.includes(value)) return value;
  const meant = nearest(value, values);
  throw new MachineError('bad-argument', `"${value}" is not possible`, {
    path: option,
    remedy: meant === undefined ? `give one of ${values.join(', ')}` : `did you mean ${meant}?`,
  });
}

function events(option: string, text: string): readonly ObservedKind[] {
  const names = text.split(',').map(name => choice(option, name.trim(), eventNames));
  return [...new Set(names.flatMap(kindsOf))];
}

function wholeNumber(option: string, value: string): number {
  if (/^\d+$/.test(value)) return Number(value);
  throw new MachineError('bad-argument', `"${value}" is no number`, { path: option, remedy: 'give a whole number' });
}

/** A name with differences, which the profile takes as it is. */
function processor(option: string, text: string): string {
  try {
    namedModel(text);
    return text;
  } catch (error) {
    if (!(error instanceof MachineError)) throw error;
    const { remedy } = error;
    throw new MachineError('bad-argument', plain(error), { path: option, ...(remedy ? { remedy } : {}) });
  }
}

function pattern(option: string, value: string): RegExp {
  try {
    return new RegExp(value);
  } catch (cause) {
    throw new MachineError('bad-argument', (cause as Error).message, {
      path: option,
      remedy: 'give a regular expression as JavaScript writes them',
      cause,
    });
  }
}
