/** What is said of an error, and the exit status that it means. */
import { type ErrorCode, MachineError } from '#core';
import { ExitCode } from './exit-code.ts';
import { red, say } from './output.ts';

/** A message without what `path` and `remedy` repeat. */
export function plain({ message, path, remedy }: MachineError): string {
  const start = path && message.startsWith(`${path}: `) ? path.length + 2 : 0;
  return remedy && message.endsWith(` (${remedy})`) ? message.slice(start, -remedy.length - 3) : message.slice(start);
}

export function complain(error: unknown): void {
  if (!(error instanceof MachineError)) {
    say(`${red('virt64: internal error')}\n${error instanceof Error ? error.stack : String(error)}`);
    return;
  }
  say(`${red('virt64:')} ${error.path ? `${error.path}: ` : ''}${plain(error)}`);
  if (error.remedy) say(`  ${error.remedy}`);
}

/** The same for programs: one line. */
export function complainInJson(error: unknown): void {
  const known = error instanceof MachineError;
  const { code, path, remedy } = known ? error : { code: 'internal', path: undefined, remedy: undefined };
  const message = known ? plain(error) : error instanceof Error ? error.message : String(error);
  say(JSON.stringify({ kind: 'refused', code, message, path, remedy }));
}

const byError: Partial<Record<ErrorCode, number>> = {
  'bad-kernel': ExitCode.badInput,
  'bad-initrd': ExitCode.badInput,
  'bad-elf': ExitCode.badInput,
  'bad-image': ExitCode.badInput,
  'bad-device': ExitCode.badInput,
  'bad-plugin': ExitCode.badInput,
  'does-not-fit': ExitCode.badInput,
  'file-not-found': ExitCode.badInput,
  'guest-unavailable': ExitCode.unavailable,
  'accelerator-unavailable': ExitCode.unavailable,
  'host-failure': ExitCode.unavailable,
};

export const exitCodeOfError = (error: unknown): number =>
  error instanceof MachineError ? (byError[error.code] ?? ExitCode.usage) : ExitCode.internal;
