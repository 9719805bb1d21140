/** What a program's memory comes to while a machine runs in it. */
const interval = 50;

const collect = (): void => (globalThis as { gc?: () => void }).gc?.();

const held = (): number => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

export class MemoryProbe {
  readonly #heldBefore = held();
  readonly #residentBefore = process.memoryUsage.rss();
  #resident = this.#residentBefore;
  readonly #timer = setInterval(() => this.#look(), interval);

  #look(): void {
    this.#resident = Math.max(this.#resident, process.memoryUsage.rss());
  }

  stop(): { growth: number; peak: number } {
    clearInterval(this.#timer);
    this.#look();
    return { growth: held() - this.#heldBefore, peak: this.#resident - this.#residentBefore };
  }
}
