/** A kernel's command line as it lies in memory: UTF-8 with a NUL at its end. */
import { MachineError } from '#core';

const refuse = (problem: string, remedy: string): never => {
  throw new MachineError('bad-command-line', `the kernel command line ${problem}`, {
    path: 'boot.commandLine',
    remedy,
  });
};

/** `limit` is how many bytes the kernel takes, without the NUL. */
export function encodeCommandLine(text: string, limit: number): Uint8Array {
  if (text.includes('\0')) refuse('contains a NUL character', 'remove it');
  const bytes = new TextEncoder().encode(`${text}\0`);
  const length = bytes.length - 1;
  if (length > limit) {
    refuse(`is ${length} bytes long; this kernel accepts ${limit}`, `shorten it by ${length - limit} bytes`);
  }
  return bytes;
}
