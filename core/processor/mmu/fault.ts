import { Status } from '../state/leave.ts';

/**
 * Unwinds a helper whose instruction faults or must leave. Each CPU has one and throws it again and again; what happened is in
 * the state block (faultVector … or leave …).
 */
export class GuestFault extends Error {
  /** What the helper's caller is to be told: `fault` or `exit`. */
  status: Status = Status.fault;

  constructor() {
    super('a guest instruction faulted');
  }
}
