const second = 1_000_000_000;

/** Whole periods of a frequency (below 8 MHz) in a time. Exact, however long the machine has run. */
export const ticksIn = (nanoseconds: number, frequency: number): number => {
  const seconds = Math.floor(nanoseconds / second);
  return seconds * frequency + Math.floor(((nanoseconds - seconds * second) * frequency) / second);
};

/** The first nanosecond at which so many periods have passed. */
export const nanosecondsOf = (ticks: number, frequency: number): number => {
  const seconds = Math.floor(ticks / frequency);
  return seconds * second + Math.ceil(((ticks - seconds * frequency) * second) / frequency);
};
