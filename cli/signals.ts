/** Signals that end the program in good order. */
export const endingSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
