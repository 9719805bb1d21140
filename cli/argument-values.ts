/** Values of options, from their text. */
import { MachineError } from '#core';
import { nearest } from '#machines';

export function choice<const T extends string>(
  option: string,
  value: string | undefined,
  values: readonly T[],
): T | undefined {
  if (value === undefined || values.includes(value as T)) return value as T | undefined;
  const meant = nearest(value, values);
  throw new MachineError('bad-argument', `"${value}" is not possible`, {
    path: option,
    remedy: meant === undefined ? `give one of ${values.join(', ')}` : `did you mean ${meant}?`,
  });
}

export function wholeNumber(option: string, value: string): number {
  if (/^\d+$/.test(value)) return Number(value);
  throw new MachineError('bad-argument', `"${value}" is no number`, { path: option, remedy: 'give a whole number' });
}

export function pattern(option: string, value: string): RegExp {
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
