import type { Exit } from '../exit.ts';

/** Thrown through an assist: an access of its instruction, which has not happened, is the exit `protection`. */
export class ProtectionViolation extends Error {
  constructor(readonly exit: Exit) {
    super('a page does not grant the access');
  }
}
