/** The most memory that a process has had resident, by Linux's account (proc_pid_status(5), VmHWM); 0 elsewhere. */
import { readFileSync } from 'node:fs';

const interval = 25;

export class PeakMemory implements Disposable {
  bytes = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly process: number | undefined) {
    this.#timer = setInterval(() => this.sample(), interval);
  }

  /** The mark only rises, so that the last look before the process ends counts. */
  sample(): void {
    try {
      const status = readFileSync(`/proc/${this.process}/status`, 'latin1');
      const kibibytes = /^VmHWM:\s*(\d+) kB/m.exec(status)?.[1];
      this.bytes = Math.max(this.bytes, Number(kibibytes ?? 0) * 1024);
    } catch {
      // It has ended, or this system has no /proc.
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
