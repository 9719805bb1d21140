/** One mistake in a profile. */
import type { ErrorCode, MachineError } from '#core';

export interface Finding {
  /** `devices.com1.port` */
  readonly path: string;
  readonly code: ErrorCode;
  /** Without path and remedy. */
  readonly message: string;
  readonly remedy?: string;
}

/** `path`: where it is, if the error does not say. */
export function findingOf(error: MachineError, path: string): Finding {
  const { code, remedy } = error;
  const prefix = error.path === undefined ? '' : `${error.path}: `;
  const suffix = remedy === undefined ? '' : ` (${remedy})`;
  const message = error.message.slice(prefix.length, error.message.length - suffix.length);
  return { path: error.path ?? path, code, message, ...(remedy === undefined ? {} : { remedy }) };
}
