/** The computer's own time, which guests see as their TSC: nanoseconds since power-on. */
export interface AcceleratorTime {
  /** A machine that is restored sets it. */
  ticks: number;
  /** Passes idle time, where time is what has been executed. */
  skip(ticks: number): void;
  /**
   * Time stands still until `release` was called as often: processors that are reset, saved or restored meanwhile have equal counters, and a
   * device that reads the clock twice reads one moment. Without effect where time is what has been executed.
   */
  hold(): void;
  release(): void;
}
