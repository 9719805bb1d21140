/** Whether the memory of a process that lives long stays flat. */
export interface MemorySeries {
  readonly samples: number;
  /** Mebibytes. */
  readonly first: number;
  readonly last: number;
  readonly largest: number;
  /** MiB an hour over the second half, by least squares: the first half warms up. */
  readonly slope: number;
  /** How much larger the last quarter is than the second, on average, MiB. */
  readonly growth: number;
}

export interface Sample {
  /** Milliseconds. */
  readonly at: number;
  readonly bytes: number;
}

const mebi = 2 ** 20;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export function seriesOf(samples: readonly Sample[]): MemorySeries | undefined {
  if (samples.length === 0) return undefined;
  const sizes = samples.map(({ bytes }) => bytes / mebi);
  const quarter = Math.max(Math.floor(sizes.length / 4), 1);
  return {
    samples: sizes.length,
    first: Math.round(sizes[0]),
    last: Math.round(sizes.at(-1)!),
    largest: Math.round(Math.max(...sizes)),
    slope: Math.round(slopeOf(samples.slice(Math.floor(samples.length / 2)))),
    growth: Math.round(
      mean(sizes.slice(-quarter)) - mean(sizes.slice(quarter, 2 * quarter).concat(sizes.length < 4 ? sizes : [])),
    ),
  };
}

/** With few samples, or little growth in MiB or in proportion, nothing is said. */
export const isLeak = ({ samples, growth, first }: MemorySeries): boolean =>
  samples >= 20 && growth > Math.max(150, first / 2);

function slopeOf(samples: readonly Sample[]): number {
  const hours = samples.map(({ at }) => at / 3_600_000);
  const sizes = samples.map(({ bytes }) => bytes / mebi);
  const [x, y] = [mean(hours), mean(sizes)];
  const spread = hours.reduce((sum, hour) => sum + (hour - x) ** 2, 0);
  return spread === 0 ? 0 : hours.reduce((sum, hour, n) => sum + (hour - x) * (sizes[n] - y), 0) / spread;
}
