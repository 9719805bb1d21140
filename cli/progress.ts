/** Steps of long work, on stderr: a line each. On a terminal the step that is under way counts its per cent in place. */
import { dim, isFancy, say } from './output.ts';

export class Progress implements Disposable {
  /** Written, and not yet followed by a line break. */
  #open: string | undefined;

  step(message: string): void {
    this.#end();
    if (!isFancy(process.stderr)) say(dim(message));
    else this.#write((this.#open = message));
  }

  advance(percent: number): void {
    if (this.#open !== undefined) this.#write(`${this.#open}: ${percent}%`);
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  #end(): void {
    if (this.#open !== undefined) say('');
    this.#open = undefined;
  }

  /** A line longer than the terminal is wide could not be written over. */
  #write(text: string): void {
    process.stderr.write(`\r\x1b[K${dim(text.slice(0, (process.stderr.columns || 80) - 1))}`);
  }
}
