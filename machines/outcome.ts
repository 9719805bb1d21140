/** How a run ended. Each comes from an event of the machine, never from a guess. */
export type Outcome =
  /** The guest switched the power off (ACPI S5). */
  | { readonly kind: 'powerOff' }
  /** The guest asked for a reset (port CF9, keyboard controller, port 92). */
  | { readonly kind: 'reset' }
  /** A processor shut down. */
  | { readonly kind: 'tripleFault'; readonly processor: number }
  /** The guest wrote an exit code to the debug-exit port. */
  | { readonly kind: 'exit'; readonly code: number }
  /** Every processor has halted with interrupts off, or nothing can ever interrupt it. */
  | { readonly kind: 'halted' }
  /** The time given has passed in the guest. */
  | { readonly kind: 'timeout' }
  /** What `until` waits for has happened. */
  | { readonly kind: 'until' }
  /** `machine.stop()`. */
  | { readonly kind: 'stopped' }
  /** The accelerator could not go on. */
  | { readonly kind: 'error'; readonly message: string; readonly code: number };
