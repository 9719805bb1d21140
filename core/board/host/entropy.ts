import { service } from '../framework/service.ts';

/** The only randomness on the board. */
export interface Entropy {
  fill(bytes: Uint8Array): void;
  /** Present if all that is to come follows from it: 32-bit words, saved with the machine, so that it goes on alike elsewhere. */
  state?: readonly number[];
}

export const Entropy = service<Entropy>('Entropy');

/** Reproducible bytes: xoshiro128** (Blackman and Vigna), seeded through splitmix32. */
export class SeededEntropy implements Entropy {
  readonly #state = new Uint32Array(4);

  constructor(seed = 1) {
    let mixed = seed >>> 0;
    for (let index = 0; index < 4; index++) {
      mixed = (mixed + 0x9e37_79b9) >>> 0;
      let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a_2d97);
      this.#state[index] = word ^ (word >>> 15);
    }
  }

  get state(): readonly number[] {
    return [...this.#state];
  }

  set state(words: readonly number[]) {
    this.#state.set(words);
  }

  fill(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index += 4) {
      const word = this.#next();
      for (let byte = 0; byte < 4 && index + byte < bytes.length; byte++) bytes[index + byte] = word >>> (8 * byte);
    }
  }

  #next(): number {
    const state = this.#state;
    const result = Math.imul(rotate(Math.imul(state[1], 5), 7), 9);
    const shifted = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 11);
    return result;
  }
}

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by));
