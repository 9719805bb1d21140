/** Mistakes in a profile by the options that they came from. */
import { MachineError } from '#core';
import { findingOf } from '#machines';
import { type Option, runOptions } from './options.ts';

const optionOf: ReadonlyMap<string, string> = new Map(
  Object.entries<Option>(runOptions).flatMap(([name, row]) =>
    row.type === 'string' && row.profile ? [[row.profile, `--${name}`] as const] : [],
  ),
);

/** Throws the error again. A mistake at a place of the profile that an option can put right names that option. */
export function blameOption(error: unknown): never {
  if (!(error instanceof MachineError) || error.path === undefined) throw error;
  const option = optionOf.get(error.path);
  if (option === undefined) throw error;
  const { code, message, remedy } = findingOf(error, error.path);
  const details = { path: option, cause: error, ...(remedy === undefined ? {} : { remedy }) };
  throw new MachineError(code, message, details);
}
