/** Mistakes in a profile by the options that they came from. */
import { MachineError } from '#core';
import { findingOf } from '#machines';

const optionOf: Readonly<Record<string, string>> = {
  memory: '--mem',
  processors: '--smp',
  'boot.kernel': '--kernel',
  'boot.initrd': '--initrd',
  'boot.commandLine': '--append',
};

export function blameOption(error: unknown): never {
  if (!(error instanceof MachineError) || error.path === undefined || !(error.path in optionOf)) throw error;
  const { code, message, path, remedy } = findingOf(error, error.path);
  const details = { path: optionOf[path]!, cause: error, ...(remedy === undefined ? {} : { remedy }) };
  throw new MachineError(code, message, details);
}
