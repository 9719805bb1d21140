/** Real time that passes while no processor has anything to do, until something wakes the machine. */
export class Sleep {
  #wake: (() => void) | undefined;

  /** Ends the sleep, if there is one. */
  wake(): void {
    this.#wake?.();
  }

  /** True if something woke it before the time was over. */
  for(nanoseconds: number): Promise<boolean> {
    return new Promise(resolve => {
      const end = (woken: boolean): void => {
        this.#wake = undefined;
        clearTimeout(timer);
        resolve(woken);
      };
      const timer = setTimeout(() => end(false), nanoseconds / 1e6);
      this.#wake = () => end(true);
    });
  }
}
