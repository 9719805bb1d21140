import { service } from '../framework/service.ts';
import type { Clock } from './clock.ts';

/** The date, for the real-time clock only: seconds since 1970-01-01T00:00:00Z, with a fraction. */
export interface WallClock {
  readonly seconds: number;
}

export const WallClock = service<WallClock>('WallClock');

const defaultStart = Date.UTC(2026, 0, 1) / 1000;

/** A date that starts at a fixed moment and follows the machine's clock, so that runs are alike. */
export class FixedWallClock implements WallClock {
  constructor(
    private readonly clock: Clock,
    private readonly start = defaultStart,
  ) {}

  get seconds(): number {
    return this.start + this.clock.now / 1e9;
  }
}
