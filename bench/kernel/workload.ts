/** One kind of work for a processor, as assembly that is put into the bench kernel. */
export interface Workload {
  readonly name: string;
  readonly description: string;
  /**
   * Defines `workload`, entered in 64-bit mode at CPL 0 with the number of iterations in R15, which must be left by `jmp done` with a
   * checksum in RBX, and `prepare`, a subroutine that runs before the clock.
   */
  readonly source: string;
  /** Instructions retired in one iteration, by counting; a repeated string instruction counts once for each element. */
  readonly instructions: number;
  /** What else happens in one iteration, where that is what the workload is about. */
  readonly operations?: { readonly name: string; readonly count: number };
  /** Features that the processor must have besides those of its model. */
  readonly features?: readonly string[];
  /** For a first, short run. */
  readonly trial: number;
}

export const nothingToPrepare = `
prepare:
  ret
`;
