/** Exit codes of the program, as the help lists them. */
import type { Outcome } from '#machines';

export const ExitCode = {
  /** The guest switched the power off or reset itself, or `--until` was reached. */
  ok: 0,
  /** The machine stopped without having been told to: triple fault, all processors halted, accelerator error. */
  guestFailed: 1,
  /** A wrong argument, profile or option (sysexits: EX_USAGE). */
  usage: 64,
  /** A file that cannot be used: kernel, initrd, disk, plugin (EX_DATAERR). */
  badInput: 65,
  /** Something needed is not there: a guest image, a package (EX_UNAVAILABLE). */
  unavailable: 69,
  /** A mistake of virt64 itself (EX_SOFTWARE). */
  internal: 70,
  /** The host failed to read or write a disk, whatever else the guest ended with (EX_IOERR). */
  diskFailed: 74,
  /** `--timeout` has passed. */
  timeout: 124,
  /** The user quit with the escape key or a signal. */
  quit: 130,
} as const;

export function exitCodeOf(outcome: Outcome): number {
  switch (outcome.kind) {
    case 'powerOff':
    case 'reset':
    case 'until':
      return ExitCode.ok;
    case 'exit':
      return outcome.code & 0xff;
    case 'timeout':
      return ExitCode.timeout;
    case 'stopped':
      return ExitCode.quit;
    default:
      return ExitCode.guestFailed;
  }
}

export const exitCodeHelp = `Exit status:
  0    the guest switched the power off; --until was reached; with --no-reboot,
       it reset itself
  1    the machine failed: triple fault, processors halted, accelerator error
  64   wrong arguments      65   unusable input file   69   something is missing
  70   an error in virt64   74   a disk failed
  124  --timeout has passed
  130  quit: Ctrl-A x, a signal, or nobody reads stdout any more
  A guest that writes v to its debug-exit port ends the program with 2v+1
  (on toyvirt with v).`;
