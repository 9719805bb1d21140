/**
 * Which guest-physical pages are written, as far as anybody wants to know: they are entered into the nested table without the right to write, and the
 * fault of the first write to each is noted and opens it.
 */
import { pageSize } from '#core';
import { Prot } from '../abi.ts';
import { largeSize } from './page-table.ts';

const State = { untracked: 0, clean: 1, written: 2 } as const;
const pagesInLarge = largeSize / pageSize;

export class WriteLog {
  /** By 2 MiB: the states of its pages. */
  readonly #chunks = new Map<number, Uint8Array>();
  readonly #answer = { tracked: false, granted: 0 };

  track(gpa: number, size: number, on: boolean): void {
    for (let at = gpa; at < gpa + size; at += pageSize) {
      const number = Math.floor(at / largeSize);
      let chunk = this.#chunks.get(number);
      if (!chunk) {
        if (!on) continue;
        this.#chunks.set(number, (chunk = new Uint8Array(pagesInLarge)));
      }
      chunk[indexOf(at)] = on ? State.clean : State.untracked;
      if (!on && chunk.every(state => state === State.untracked)) this.#chunks.delete(number);
    }
  }

  isWritten(gpa: number): boolean {
    return this.#chunks.get(Math.floor(gpa / largeSize))?.[indexOf(gpa)] === State.written;
  }

  /** The fault of an access that the mapping's `rights` allow: whether the page lies among tracked ones, and the rights that it is entered with. */
  fault(gpa: number, access: number, rights: number): { readonly tracked: boolean; readonly granted: number } {
    const answer = this.#answer;
    const chunk = this.#chunks.size === 0 ? undefined : this.#chunks.get(Math.floor(gpa / largeSize));
    answer.tracked = chunk !== undefined;
    answer.granted = rights;
    const index = indexOf(gpa);
    if (chunk?.[index] !== State.clean) return answer;
    if (access & Prot.write) chunk[index] = State.written;
    else answer.granted &= ~Prot.write;
    return answer;
  }
}

const indexOf = (gpa: number): number => Math.floor(gpa / pageSize) % pagesInLarge;
